import { Flags } from '@oclif/core'
import { confirm } from '../../cli/hosts/confirm.js'
import { hostFlags, lockFlags, oneMachine, shutdownFlag, shutdownOptions } from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { prepareMove } from '../../cli/hosts/moved.js'
import { InfraError } from '../../model/error.js'
import { cameFrom, finishMigration, migrateMachine } from '../../providers/libvirt/acts/migrate.js'
import type { Hosts, NamedHost } from '../../providers/libvirt/acts/open.js'

export default class VmMigrate extends MachineCommand {
  static override summary = 'Move a machine to another host of the stack: a running one without stopping it.'
  static override description =
    'A running machine goes on running: libvirt moves its memory, and the disks that the hosts do not share. With --offline, and ' +
    'where it is off, all of it is copied by way of this machine and proved by its sums. It keeps its UUID, addresses and owner, ' +
    'and is removed here once it is there; a move that fails leaves it here. The stack’s file and state follow. Snapshots do not ' +
    'move, and a TPM only with its machine running. A move that was cut off is ended by saying it again.'
  static override examples = [
    '<%= config.bin %> vm migrate web --to second',
    '<%= config.bin %> vm migrate web --to second --offline',
    '<%= config.bin %> vm migrate web --to second --migrate-uri tcp://10.0.0.2',
  ]
  static override args = oneMachine
  static override flags = {
    ...hostFlags,
    ...lockFlags,
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
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmMigrate)
    const question = `${flags.offline ? `Stop ${args.name} and move it` : `Move ${args.name}`} to ${flags.to}?`
    if (!(await confirm(question, { yes: flags.yes, interactive: this.interactive, signal: this.signal }))) {
      this.exitCode = 1
      return
    }
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
      async (machine, call, { hosts, session }) => {
        const target = hostOf(hosts, flags.to)
        const files = this.ports.files
        const move = await prepareMove(session, machine, flags.to, files, this.holder(flags).command)
        const cutOff =
          machine.view.host === flags.to
            ? ((await cameFrom(machine, call.signal)) ?? (move.from === flags.to ? undefined : move.from))
            : undefined
        const done =
          cutOff === undefined
            ? await migrateMachine(machine, target, options, call)
            : await finishMigration(machine, hostOf(hosts, cutOff), call)
        const note = await move.follow()
        return { ...done, ...(note !== undefined && { note }) }
      },
      (done, { name }) => {
        const remarks = done.remarks.map(one => `\n  ${one}`).join('')
        return told(
          `${name} moved from ${done.from} to ${done.to}${done.live ? ' while it ran' : ''}; it is ${done.state}.${remarks}`,
          done.note,
        )
      },
    )
  }
}

function hostOf(hosts: Hosts, name: string): NamedHost {
  const found = hosts.open.find(one => one.name === name)
  if (found !== undefined) return found
  const down = hosts.down.find(one => one.name === name)
  throw (
    down?.error ??
    noHost(
      name,
      hosts.open.map(one => one.name),
    )
  )
}

function noHost(name: string, there: readonly string[]): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'no-host',
    message: `There is no connection ${name}`,
    ...(there.length > 0 && { why: `There is ${there.join(', ')}` }),
    hint: 'Add it under spec.providers of the stack.',
  })
}
