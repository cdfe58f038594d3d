import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { unreachable } from '../../cli/hosts/machine-command.js'
import { percent, size } from '../../cli/hosts/size.js'
import { storageStatus } from '../../providers/libvirt/acts/storage.js'
import { renderTable } from '../../report/table.js'

export default class StorageStatus extends HostCommand {
  static override summary = 'Tell how full the storage of each host is.'
  static override examples = ['<%= config.bin %> storage status']
  static override flags = hostFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(StorageStatus)
    await this.withHosts(flags, { changes: false }, async context => {
      const { found, down } = await this.fromAll(context, host => storageStatus(host, this.signal))
      this.tell(flags, { hosts: found, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          found,
          [
            { title: 'HOST', value: one => one.host, fixed: true },
            { title: 'POOLS', value: one => one.pools.length, right: true },
            {
              title: 'VOLUMES',
              value: one => one.pools.reduce((sum, pool) => sum + (pool.volumes ?? 0), 0),
              right: true,
            },
            { title: 'SIZE', value: one => size(one.capacityBytes), right: true },
            { title: 'TAKEN', value: one => percent(one.allocationBytes, one.capacityBytes), right: true },
            { title: 'FREE', value: one => size(one.availableBytes), right: true },
          ],
          this.tableOptions,
        ),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
