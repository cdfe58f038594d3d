import { ClusterCommand, factLines, sizeText } from '../../cli/ceph/cluster-command.js'
import { clusterFlags } from '../../cli/ceph/flags.js'
import type { ClusterStatus } from '../../providers/ceph/acts/index.js'

export default class CephStatus extends ClusterCommand {
  static override summary = 'Tell how a Ceph cluster is.'
  static override examples = [
    '<%= config.bin %> ceph status',
    '<%= config.bin %> ceph status --conf /etc/ceph/ceph.conf --json',
  ]
  static override flags = clusterFlags

  async run(): Promise<void> {
    const { flags } = await this.parse(CephStatus)
    await this.withCluster(flags, { changes: false }, async (cluster, acts) => {
      const status = await acts.clusterStatus(cluster, this.options)
      this.tell(flags, status, () => text(status))
    })
  }
}

function text(status: ClusterStatus): string {
  const { monitors, managers, osds, space } = status
  const checks = status.checks.map(
    check => `  ${check.code}: ${check.summary}${check.muted ? ' (muted)' : ''}\n`,
  )
  return (
    factLines([
      ['cluster', status.fsid],
      ['version', status.version],
      ['asked', status.connection],
      ['health', status.health],
    ]) +
    checks.join('') +
    factLines([
      ['monitors', `${monitors.inQuorum.length} of ${monitors.known} in quorum`],
      ['managers', `${managers.active ? 'one active' : 'none active'}, ${managers.standbys} standing by`],
      ['OSDs', `${osds.up} up, ${osds.in} in, of ${osds.known}`],
      [
        'file systems',
        status.filesystems.map(fs => `${fs.name} (${fs.active} of ${fs.wanted} active)`).join(', '),
      ],
      ['pools', String(status.pools)],
      [
        'groups',
        Object.entries(status.placementGroups)
          .map(([state, count]) => `${count} ${state}`)
          .join(', '),
      ],
      [
        'space',
        `${sizeText(space.usedBytes)} used, ${sizeText(space.availableBytes)} free, of ${sizeText(space.totalBytes)}`,
      ],
    ])
  )
}
