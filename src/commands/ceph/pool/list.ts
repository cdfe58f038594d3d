import { ClusterCommand, sizeText } from '../../../cli/ceph/cluster-command.js'
import { clusterFlags } from '../../../cli/ceph/flags.js'
import { renderTable } from '../../../report/table.js'

export default class CephPoolList extends ClusterCommand {
  static override summary = 'List the pools of a cluster, whoever made them.'
  static override examples = ['<%= config.bin %> ceph pool list', '<%= config.bin %> ceph pool list --json']
  static override flags = clusterFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(CephPoolList)
    await this.withCluster(flags, { changes: false }, async (cluster, acts) => {
      const pools = await acts.poolViews(cluster, this.options)
      this.tell(flags, { pools }, () =>
        renderTable(
          pools,
          [
            { title: 'NAME', value: one => one.name, fixed: true },
            { title: 'STORED', value: one => sizeText(one.storedBytes), right: true },
            { title: 'USED', value: one => sizeText(one.usedBytes), right: true },
            { title: 'FREE', value: one => sizeText(one.availableBytes), right: true },
            { title: 'OBJECTS', value: one => one.objects, right: true },
            { title: 'RESOURCE', value: one => one.owner?.address ?? '' },
            { title: 'REMARK', value: one => (one.kept ? 'deleted, kept until it is pruned' : '') },
          ],
          { ...this.tableOptions, empty: 'There is no pool.' },
        ),
      )
    })
  }
}
