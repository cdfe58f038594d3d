import { Args } from '@oclif/core'
import { ClusterCommand, factLines, sizeText } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume } from '../../cli/ceph/volume-place.js'
import { renderTable } from '../../report/table.js'

export default class VolumeShow extends ClusterCommand {
  static override summary = 'Tell all that there is to know of a volume.'
  static override examples = [
    '<%= config.bin %> volume show files/home',
    '<%= config.bin %> volume show files/team/home --yaml',
  ]
  static override args = { volume: Args.string({ description: volumeHelp, required: true }) }
  static override flags = clusterFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeShow)
    await this.withCluster(flags, { changes: false }, async (cluster, acts) => {
      const place = await findVolume(cluster, args.volume, this.options)
      const one = await acts.volumeDetails(cluster, place, this.options)
      this.tell(flags, one, () => {
        const facts = factLines([
          ['name', one.name],
          ['file system', one.filesystem],
          ['group', one.group],
          ['state', one.state],
          ['resource', one.owner?.address ?? 'none: not managed by a stack'],
          ['size', sizeText(one.size)],
          ['used', sizeText(one.usedBytes)],
          ['mode', one.mode],
          ['owner', one.uid === undefined ? undefined : `${one.uid}:${one.gid}`],
          ['data pool', one.dataPool],
          ['path', one.path],
          ['monitors', one.monitors.join(', ')],
        ])
        const snapshots = renderTable(
          one.snapshots,
          [
            { title: 'SNAPSHOT', value: snapshot => snapshot.name, fixed: true },
            { title: 'TAKEN', value: snapshot => snapshot.createdAt },
            {
              title: 'REMARK',
              value: snapshot => (snapshot.kept ? 'kept to undo a delete or a rollback' : ''),
            },
          ],
          this.tableOptions,
        )
        return snapshots === '' ? facts : `${facts}\n${snapshots}`
      })
    })
  }
}
