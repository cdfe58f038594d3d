import { Args } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { percent, size } from '../../cli/hosts/size.js'
import { poolDetails } from '../../providers/libvirt/acts/pools.js'
import { renderTable } from '../../report/table.js'

export default class PoolShow extends HostCommand {
  static override summary = 'Tell all that there is to know of a storage pool, and what is in it.'
  static override examples = ['<%= config.bin %> pool show foundry-vms']
  static override args = { name: Args.string({ description: 'Name of the pool.', required: true }) }
  static override flags = hostFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PoolShow)
    await this.withHosts(flags, { changes: false }, async context => {
      const { pool, volumes } = await poolDetails(this.oneHost(context), args.name, this.signal)
      this.tell(flags, { pool, volumes }, () => {
        const facts = [
          ['name', pool.name],
          ['host', pool.host],
          ['type', pool.type],
          ['path', pool.path ?? ''],
          ['state', pool.state],
          ['autostart', pool.autostart ? 'yes' : 'no'],
          ['size', size(pool.capacityBytes)],
          ['taken', `${size(pool.allocationBytes)} (${percent(pool.allocationBytes, pool.capacityBytes)})`],
          ['free', size(pool.availableBytes)],
          ['uuid', pool.uuid],
        ]
        const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}\n`).join('')
        const table = renderTable(
          volumes,
          [
            { title: 'VOLUME', value: one => one.name, fixed: true },
            { title: 'FORMAT', value: one => one.format },
            { title: 'SIZE', value: one => size(one.capacityBytes), right: true },
            { title: 'TAKEN', value: one => size(one.allocationBytes), right: true },
            { title: 'BASED ON', value: one => one.backing ?? '' },
            { title: 'REMARK', value: one => (one.trash ? 'deleted, kept for a rollback' : '') },
          ],
          { ...this.tableOptions, empty: 'It is empty.' },
        )
        return `${lines}\n${table}`
      })
    })
  }
}
