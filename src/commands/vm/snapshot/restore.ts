import { Flags } from '@oclif/core'
import { yesFlag } from '../../../cli/act-flags.js'
import { actFlags, oneMachine, snapshotArg } from '../../../cli/hosts/flags.js'
import { MachineCommand } from '../../../cli/hosts/machine-command.js'
import { restoreSnapshot } from '../../../providers/libvirt/acts/snapshot-restore.js'

export default class VmSnapshotRestore extends MachineCommand {
  static override summary = 'Put the disks of a machine back to a snapshot.'
  static override description =
    'What was written since is lost. A running machine is switched off for it, and runs again afterwards.'
  static override examples = ['<%= config.bin %> vm snapshot restore before-upgrade web']
  static override args = {
    ...snapshotArg,
    ...oneMachine,
  }
  static override flags = {
    ...actFlags,
    ...yesFlag,
    'discard-later': Flags.boolean({ description: 'Also delete the snapshots that were taken after it.' }),
    start: Flags.boolean({ allowNo: true, description: 'Whether it runs afterwards; as before by default.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmSnapshotRestore)
    const options = {
      discardLater: flags['discard-later'],
      ...(flags.start !== undefined && { start: flags.start }),
    }
    const question = `Put ${args.name} back to ${args.snapshot}? What was written since is lost.`
    if (!(await this.agreed(question, flags))) return
    await this.actOn(
      flags,
      [args.name],
      (machine, call, { journal }) => restoreSnapshot(machine, args.snapshot, options, call, journal),
      (done, { name }) => {
        const more = done.discarded.length > 0 ? `, without ${done.discarded.join(', ')}` : ''
        return `${name} is as it was at ${done.snapshot}${more}; it is ${done.state}.`
      },
    )
  }
}
