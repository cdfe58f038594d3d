import { filterFlags, hostFlags, severalMachines } from '../../../cli/hosts/flags.js'
import { MachineCommand, unreachable } from '../../../cli/hosts/machine-command.js'
import { listSnapshots } from '../../../providers/libvirt/acts/snapshots.js'
import { renderTable } from '../../../report/table.js'

export default class VmSnapshotList extends MachineCommand {
  static override summary = 'List the snapshots of machines; of all where none is named.'
  static override examples = [
    '<%= config.bin %> vm snapshot list web',
    '<%= config.bin %> vm snapshot list --json',
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = { ...hostFlags, ...filterFlags }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmSnapshotList)
    await this.withHosts(flags, { changes: false }, async context => {
      const { machines, down } = await this.choose(context, flags, argv.map(String), false)
      const found = await Promise.all(machines.map(machine => listSnapshots(machine, this.signal)))
      const snapshots = found.flat()
      this.tell(flags, { snapshots, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          snapshots,
          [
            { title: 'MACHINE', value: one => one.machine, fixed: true },
            { title: 'SNAPSHOT', value: one => one.name, fixed: true },
            { title: 'TAKEN', value: one => one.createdAt ?? '', fixed: true },
            { title: 'OF', value: one => (one.memory ? 'disks, memory' : 'disks') },
            { title: 'KEPT', value: one => one.storage },
            { title: 'AFTER', value: one => one.parent ?? '' },
            { title: 'DESCRIPTION', value: one => one.description ?? '' },
          ],
          { ...this.tableOptions, empty: 'There is no snapshot.' },
        ),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
