import { Args } from '@oclif/core'
import { ClusterCommand, factLines, sizeText } from '../../../cli/ceph/cluster-command.js'
import { clusterFlags } from '../../../cli/ceph/flags.js'

export default class CephPoolShow extends ClusterCommand {
  static override summary = 'Tell all that there is to know of a pool.'
  static override examples = [
    '<%= config.bin %> ceph pool show vms',
    '<%= config.bin %> ceph pool show vms --yaml',
  ]
  static override args = { name: Args.string({ description: 'Name of the pool.', required: true }) }
  static override flags = clusterFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CephPoolShow)
    await this.withCluster(flags, { changes: false }, async (cluster, acts) => {
      const pool = await acts.poolView(cluster, args.name, this.options)
      this.tell(flags, pool, () =>
        factLines([
          ['name', pool.name],
          ['number', pool.id],
          ['resource', pool.owner?.address ?? 'none: not managed by a stack'],
          ['remark', pool.kept ? 'deleted, kept until it is pruned' : undefined],
          ['stored', sizeText(pool.storedBytes)],
          ['used', sizeText(pool.usedBytes)],
          ['free', sizeText(pool.availableBytes)],
          ['objects', pool.objects],
          ...Object.entries(pool.spec),
        ]),
      )
    })
  }
}
