import { Flags } from '@oclif/core'
import { yesFlag } from '../../cli/act-flags.js'
import { actFlags, oneMachine, shutdownFlag, shutdownOptions } from '../../cli/hosts/flags.js'
import { hostOf } from '../../cli/hosts/host-of.js'
import { type ActContext, MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { prepareMove, recordedOn } from '../../cli/hosts/moved.js'
import type { ActCall } from '../../providers/libvirt/acts/each.js'
import type { MoveJournal } from '../../providers/libvirt/acts/journaled-move.js'
import type { Machine } from '../../providers/libvirt/acts/machines.js'
import {
  cameFrom,
  finishMigration,
  type MigrateOptions,
  migrateMachine,
} from '../../providers/libvirt/acts/migrate.js'
import type { NamedHost } from '../../providers/libvirt/acts/open.js'
import { leftBehind } from '../../providers/libvirt/acts/settle-move.js'
import type { Session } from '../../session/session.js'

export default class VmMigrate extends MachineCommand {
  static override summary = 'Move a machine to another host of the stack: a running one without stopping it.'
  static override description =
    'A running machine goes on running: libvirt moves its memory, and the disks that the hosts do not share. With --offline, and ' +
    'where it is off, all of it is copied by way of this machine and proved by its sums. It keeps its UUID, addresses and owner, ' +
    'and is removed here once it is there; a move that fails leaves it here. The stack’s file and state follow. Snapshots do not ' +
    'move, and a TPM only with its machine running. It is in the journal before it begins: one that was cut off is ended or taken ' +
    'back by `infra recover`; without a stack, ended by saying it again.'
  static override examples = [
    '<%= config.bin %> vm migrate web --to second',
    '<%= config.bin %> vm migrate web --to second --offline',
    '<%= config.bin %> vm migrate web --to second --migrate-uri tcp://10.0.0.2',
  ]
  static override args = oneMachine
  static override flags = {
    ...actFlags,
    to: Flags.string({
      required: true,
      description: 'The connection to the other host.',
      helpValue: 'CONNECTION',
    }),
    pool: Flags.string({
      description: 'Pool for its disks there; pools of the same names by default.',
      helpValue: 'POOL',
    }),
    offline: Flags.boolean({ description: 'Stop a running machine for it, and start it there.' }),
    'peer-uri': Flags.string({
      description: 'Address by which the libvirt here reaches the other; the stack’s own by default.',
      helpValue: 'URI',
      exclusive: ['offline'],
    }),
    'migrate-uri': Flags.string({
      description:
        'Address that memory and disks are sent to: tcp://10.0.0.2; the other host’s name by default.',
      helpValue: 'URI',
      exclusive: ['offline'],
    }),
    bandwidth: Flags.integer({
      min: 1,
      description: 'MiB a second that are sent at most, of a machine that runs.',
      helpValue: 'MIB',
      exclusive: ['offline'],
    }),
    scratch: Flags.string({
      description: 'Folder for the copy on its way, of a machine that is off.',
      helpValue: 'FOLDER',
    }),
    ...shutdownFlag,
    ...yesFlag,
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmMigrate)
    const question = `${flags.offline ? `Stop ${args.name} and move it` : `Move ${args.name}`} to ${flags.to}?`
    if (!(await this.agreed(question, flags))) return
    const options = {
      offline: flags.offline,
      ...(flags.pool !== undefined && { pool: flags.pool }),
      ...(flags['peer-uri'] !== undefined && { peerUri: flags['peer-uri'] }),
      ...(flags['migrate-uri'] !== undefined && { migrateUri: flags['migrate-uri'] }),
      ...(flags.bandwidth !== undefined && { bandwidthMiB: flags.bandwidth }),
      ...(flags.scratch !== undefined && { scratch: flags.scratch }),
      ...shutdownOptions(flags),
    }
    await this.actOn(
      flags,
      [args.name],
      (machine, call, context) =>
        this.#move(machine, hostOf(context.hosts, flags.to), options, call, {
          ...context,
          command: this.holder(flags).command,
        }),
      (done, { name }) => {
        const remarks = [...done.remarks, ...done.left].map(one => `\n  ${one}`).join('')
        return told(
          `${name} moved from ${done.from} to ${done.to}${done.live ? ' while it ran' : ''}; it is ${done.state}.${remarks}`,
          done.note,
        )
      },
    )
  }

  /** Moves it, or ends a move that was made by hand or without a journal; then the stack follows. */
  async #move(
    machine: Machine,
    target: NamedHost,
    options: MigrateOptions,
    call: ActCall,
    { hosts, session, journal, command }: Within,
  ) {
    const { name, uuid, host } = machine.view
    const cutOff = host === target.name ? await leftFrom(machine, session, call) : undefined
    const from = cutOff ?? host
    const move = await prepareMove(session, { name, uuid, from }, target.name, this.ports.files, command)
    const moves: MoveJournal = {
      begin: act =>
        journal.begin(act, {
          address: move.address ?? act.owner ?? `VirtualMachine/${name}`,
          connection: from,
        }),
      ended: journal.ended,
    }
    const done =
      cutOff === undefined
        ? await migrateMachine(machine, target, options, call, moves)
        : await finishMigration(machine, hostOf(hosts, cutOff), call, moves)
    const note = await move.follow()
    if (session !== undefined && done.left.length > 0) throw leftBehind(name, done.to, done.from, done.left)
    return { ...done, ...(note !== undefined && { note }) }
  }
}

/** What a move works within. */
interface Within extends ActContext {
  readonly command: string
}

/** Where a machine has come from whose move nobody has ended: by its mark, else by where it is recorded. */
async function leftFrom(machine: Machine, session: Session | undefined, call: ActCall) {
  const marked = await cameFrom(machine, call.signal)
  if (marked !== undefined) return marked
  const recorded = recordedOn(session, machine.view.uuid)
  return recorded === machine.view.host ? undefined : recorded
}
