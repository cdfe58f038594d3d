import { Flags } from '@oclif/core'
import { severalFlags, severalMachines, snapshotArg } from '../../../cli/hosts/flags.js'
import { MachineCommand } from '../../../cli/hosts/machine-command.js'
import { createSnapshot } from '../../../providers/libvirt/acts/snapshot-create.js'

export default class VmSnapshotCreate extends MachineCommand {
  static override summary = 'Take a snapshot of machines: of their disks, or with their memory.'
  static override description =
    'By default each disk gets an overlay beside it, with the machine running or not. With --memory the memory of the running ' +
    'machine is kept, too, inside its qcow2 files.'
  static override examples = [
    '<%= config.bin %> vm snapshot create before-upgrade web',
    '<%= config.bin %> vm snapshot create nightly --selector role=db --quiesce',
  ]
  static override strict = false
  static override args = {
    ...snapshotArg,
    ...severalMachines,
  }
  static override flags = {
    ...severalFlags,
    memory: Flags.boolean({ description: 'With the memory of the running machine.' }),
    internal: Flags.boolean({ description: 'Inside the qcow2 files instead of overlays beside them.' }),
    quiesce: Flags.boolean({
      description: 'Have the guest agent write out and freeze its file systems meanwhile.',
      exclusive: ['memory', 'internal'],
    }),
    description: Flags.string({ description: 'A description, kept in the snapshot.', helpValue: 'TEXT' }),
  }

  async run(): Promise<void> {
    const { argv, args, flags } = await this.parse(VmSnapshotCreate)
    const request = {
      name: args.snapshot,
      memory: flags.memory,
      internal: flags.internal,
      quiesce: flags.quiesce,
      ...(flags.description !== undefined && { description: flags.description }),
    }
    await this.actOn(
      flags,
      argv.slice(1).map(String),
      async (machine, call, { journal }) => ({
        snapshot: await createSnapshot(machine, request, call.signal, journal),
      }),
      ({ snapshot }, { name }) =>
        `${name}: snapshot ${snapshot.name} taken${snapshot.memory ? ' with its memory' : ''}.`,
    )
  }
}
