import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { unreachable } from '../../cli/hosts/machine-command.js'
import { percent, size } from '../../cli/hosts/size.js'
import { listPools } from '../../providers/libvirt/acts/pools.js'
import { renderTable } from '../../report/table.js'

export default class PoolList extends HostCommand {
  static override summary = 'List the storage pools of the hosts, with how full they are.'
  static override examples = ['<%= config.bin %> pool list', '<%= config.bin %> pool list --json']
  static override flags = hostFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(PoolList)
    await this.withHosts(flags, { changes: false }, async context => {
      const { found, down } = await this.fromAll(context, host => listPools(host, this.signal))
      const pools = found.flat()
      this.tell(flags, { pools, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          pools,
          [
            { title: 'HOST', value: one => one.host },
            { title: 'POOL', value: one => one.name, fixed: true },
            { title: 'TYPE', value: one => one.type },
            { title: 'STATE', value: one => one.state },
            { title: 'SIZE', value: one => size(one.capacityBytes), right: true },
            { title: 'FREE', value: one => size(one.availableBytes), right: true },
            { title: 'TAKEN', value: one => percent(one.allocationBytes, one.capacityBytes), right: true },
            { title: 'VOLUMES', value: one => one.volumes ?? '', right: true },
            { title: 'PATH', value: one => one.path ?? '' },
          ],
          { ...this.tableOptions, ...(down.length === 0 && { empty: 'There is no storage pool.' }) },
        ),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
