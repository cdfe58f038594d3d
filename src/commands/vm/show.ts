import { hostFlags, oneMachine } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { type MachineDetails, machineDetails } from '../../providers/libvirt/acts/details.js'
import { renderTable } from '../../report/table.js'
import { gibibytes } from '../../report/text.js'

export default class VmShow extends MachineCommand {
  static override summary = 'Tell all that there is to know of a machine.'
  static override examples = ['<%= config.bin %> vm show web', '<%= config.bin %> vm show web --yaml']
  static override args = oneMachine
  static override flags = hostFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmShow)
    await this.withHosts(flags, { changes: false }, async context => {
      const machine = await this.chooseOne(context, args.name)
      const details = await machineDetails(machine, this.signal)
      this.tell(flags, details, () => this.#text(details))
    })
  }

  #text(one: MachineDetails): string {
    const facts = [
      ['name', one.name],
      ['title', one.title],
      ['host', one.host],
      ['state', one.state],
      ['vcpus', one.maxVcpus === one.vcpus ? one.vcpus : `${one.vcpus} of ${one.maxVcpus}`],
      ['memory', gibibytes(one.memoryGiB)],
      ['addresses', one.addresses.join(', ')],
      ['hostname', one.hostname],
      ['agent', one.agent ? 'connected' : 'not connected'],
      ['autostart', one.autostart ? 'yes' : 'no'],
      ['platform', `${one.virtualization}, ${one.machine}, ${one.firmware}`],
      ['uuid', one.uuid],
      ['resource', one.address ?? 'none: not managed by a stack'],
      [
        'labels',
        Object.entries(one.labels)
          .map(([name, value]) => `${name}=${value}`)
          .join(', '),
      ],
      ['pending', one.pending.join(', ')],
      ['snapshots', one.snapshots.join(', ')],
      ['graphics', one.graphics],
      ['log', one.serialLog],
      ['libvirt says', one.messages.join('; ')],
    ] as const
    const rows = facts.filter(([, value]) => value !== undefined && value !== '')
    const lines = rows.map(([name, value]) => `${`${name}:`.padEnd(14)}${value}\n`).join('')
    const size = (bytes: number | undefined) => (bytes === undefined ? '' : gibibytes(bytes / 2 ** 30))
    const disks = renderTable(
      one.disks,
      [
        { title: 'DISK', value: disk => disk.device, fixed: true },
        { title: 'ROLE', value: disk => disk.role },
        { title: 'SOURCE', value: disk => disk.source ?? '(empty)' },
        { title: 'SIZE', value: disk => size(disk.capacityBytes), right: true },
        { title: 'TAKEN', value: disk => size(disk.allocationBytes), right: true },
        { title: 'BASED ON', value: disk => disk.backing ?? '' },
      ],
      this.tableOptions,
    )
    const interfaces = renderTable(
      one.interfaces,
      [
        { title: 'INTERFACE', value: item => item.name, fixed: true },
        { title: 'PLUGGED INTO', value: item => item.plug },
        { title: 'MAC', value: item => item.mac, fixed: true },
        { title: 'TAP', value: item => item.tap ?? '' },
      ],
      this.tableOptions,
    )
    return `${lines}\n${disks}\n${interfaces}`
  }
}
