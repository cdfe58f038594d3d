import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { clusterFlags } from '../../cli/clusters/flags.js'
import { unreachable, unreadHosts } from '../../cli/clusters/hosts.js'
import { type ListedCluster, listClusters } from '../../providers/vcluster/acts/list.js'
import { leftInWords } from '../../providers/vcluster/expiry.js'
import { renderTable } from '../../report/table.js'

type Line = ListedCluster & { readonly connection: string; readonly managed: boolean }

export default class ClusterList extends ClusterCommand {
  static override summary = 'List the virtual clusters of the host clusters, whoever made them.'
  static override description =
    'All hosts are read at once; one that is down does not hide the others, and is told (exit code 3).'
  static override examples = [
    '<%= config.bin %> cluster list',
    '<%= config.bin %> cluster list --host lab --json',
  ]
  static override flags = clusterFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(ClusterList)
    await this.withHosts(flags, { changes: false }, async ({ session, hosts }) => {
      const listed = await listClusters(hosts.open, this.signal)
      const lineage = session.state?.lineage
      const clusters = listed.flatMap(({ connection, clusters: own }) =>
        own.map(
          (one): Line => ({
            connection,
            ...one,
            managed: one.address !== undefined && one.lineage === lineage,
          }),
        ),
      )
      const down = [...hosts.down, ...unreadHosts(listed)]
      const several = listed.length + hosts.down.length > 1
      this.tell(flags, { clusters, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        renderTable(
          clusters,
          [
            ...(several ? [{ title: 'HOST', value: (one: Line) => one.connection }] : []),
            { title: 'NAME', value: one => one.name, fixed: true },
            { title: 'NAMESPACE', value: one => one.namespace },
            { title: 'PHASE', value: one => one.phase, fixed: true },
            { title: 'KUBERNETES', value: one => one.version },
            { title: 'CHART', value: one => one.chartVersion },
            {
              title: 'TIME TO LIVE',
              value: one => (one.left === undefined ? '' : leftInWords(one.left)),
              fixed: true,
            },
            { title: 'REMARK', value: remark },
          ],
          {
            ...this.tableOptions,
            empty:
              down.length > 0
                ? 'No host that answered has a virtual cluster.'
                : 'There is no virtual cluster.',
          },
        ),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}

function remark(one: Line): string {
  if (one.address === undefined) return 'not managed'
  return one.managed ? '' : 'of another stack'
}
