import { severalFlags, severalMachines, snapshotArg } from '../../../cli/hosts/flags.js'
import { MachineCommand } from '../../../cli/hosts/machine-command.js'
import { deleteSnapshot } from '../../../providers/libvirt/acts/snapshot-delete.js'

export default class VmSnapshotDelete extends MachineCommand {
  static override summary = 'Delete a snapshot of machines; what was written since stays.'
  static override examples = ['<%= config.bin %> vm snapshot delete before-upgrade web']
  static override strict = false
  static override args = {
    ...snapshotArg,
    ...severalMachines,
  }
  static override flags = { ...severalFlags }

  async run(): Promise<void> {
    const { argv, args, flags } = await this.parse(VmSnapshotDelete)
    await this.actOn(
      flags,
      argv.slice(1).map(String),
      async (machine, call, { journal }) => {
        await deleteSnapshot(machine, args.snapshot, call.signal, journal)
        return { deleted: args.snapshot }
      },
      ({ deleted }, { name }) => `${name}: snapshot ${deleted} deleted.`,
    )
  }
}
