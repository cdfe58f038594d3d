import { Args } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { listPools, refreshPool } from '../../providers/libvirt/acts/pools.js'

export default class PoolRefresh extends HostCommand {
  static override summary = 'Have libvirt look at what is really in storage pools.'
  static override description =
    'For files that were put there or taken away by hand. Without a name, all active pools of all hosts.'
  static override examples = ['<%= config.bin %> pool refresh foundry-images']
  static override args = { name: Args.string({ description: 'Name of the pool.' }) }
  static override flags = hostFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PoolRefresh)
    await this.withHosts(flags, { changes: false }, async context => {
      if (args.name !== undefined) {
        const host = this.oneHost(context)
        await refreshPool(host, args.name, this.signal)
        this.tell(
          flags,
          { refreshed: [{ host: host.name, pool: args.name }] },
          () => `${args.name} was read anew.\n`,
        )
        return
      }
      const { found, down } = await this.fromAll(context, async host => {
        const pools = (await listPools(host, this.signal)).filter(pool => pool.state !== 'inactive')
        await Promise.all(pools.map(pool => refreshPool(host, pool.name, this.signal)))
        return pools.map(pool => ({ host: host.name, pool: pool.name }))
      })
      const refreshed = found.flat()
      this.tell(flags, { refreshed }, () =>
        refreshed.map(one => `${one.host}/${one.pool} was read anew.\n`).join(''),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
