import { Args, Flags } from '@oclif/core'
import { confirm } from '../../cli/hosts/confirm.js'
import { hostFlags, lockFlags, nameHelp } from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { prepareMove } from '../../cli/hosts/moved.js'
import { InfraError } from '../../model/error.js'
import { migrateMachine } from '../../providers/libvirt/acts/migrate.js'

export default class VmMigrate extends MachineCommand {
  static override summary = 'Move a machine to another host of the stack, switched off meanwhile.'
  static override description =
    'All of it is copied by way of this machine and proved by its sums; it keeps its UUID, addresses and owner, and is removed ' +
    'here once it is there. The stack’s file and state follow. Snapshots and a TPM do not move.'
  static override examples = ['<%= config.bin %> vm migrate web --to second']
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
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
    scratch: Flags.string({ description: 'Folder for the copy on its way.', helpValue: 'FOLDER' }),
    timeout: Flags.integer({
      min: 0,
      description: 'Seconds that the guest gets to shut down; then it is switched off.',
      helpValue: 'SECONDS',
    }),
    yes: Flags.boolean({ char: 'y', description: 'Do not ask.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmMigrate)
    const question = `Stop ${args.name} and move it to ${flags.to}?`
    if (!(await confirm(question, { yes: flags.yes, interactive: this.interactive, signal: this.signal }))) {
      this.exitCode = 1
      return
    }
    const options = {
      ...(flags.pool !== undefined && { pool: flags.pool }),
      ...(flags.scratch !== undefined && { scratch: flags.scratch }),
      ...(flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
    }
    await this.actOn(
      flags,
      [args.name],
      async (machine, call, { hosts, session }) => {
        const target = hosts.open.find(one => one.name === flags.to)
        if (target === undefined) {
          const down = hosts.down.find(one => one.name === flags.to)
          throw (
            down?.error ??
            noHost(
              flags.to,
              hosts.open.map(one => one.name),
            )
          )
        }
        const move = await prepareMove(
          session,
          machine,
          flags.to,
          this.ports.files,
          this.holder(flags).command,
        )
        const done = await migrateMachine(machine, target, options, call)
        const note = await move.follow()
        return { ...done, ...(note !== undefined && { note }) }
      },
      (done, { name }) => {
        const remarks = done.remarks.map(one => `\n  ${one}`).join('')
        return told(
          `${name} moved from ${done.from} to ${done.to}; it is ${done.state}.${remarks}`,
          done.note,
        )
      },
    )
  }
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
