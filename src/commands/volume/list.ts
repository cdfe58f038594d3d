import { Flags } from '@oclif/core'
import { ClusterCommand, sizeText } from '../../cli/ceph/cluster-command.js'
import { clusterFlags } from '../../cli/ceph/flags.js'
import type { VolumeView } from '../../providers/ceph/acts/index.js'
import { renderTable } from '../../report/table.js'

const remarks: Readonly<Record<VolumeView['state'], string>> = {
  ready: '',
  cloning: 'its data is still being cloned',
  kept: 'deleted, kept until it is pruned',
  broken: 'a folder that is no volume',
}

export default class VolumeList extends ClusterCommand {
  static override summary = 'List the volumes of a cluster, whoever made them.'
  static override examples = [
    '<%= config.bin %> volume list',
    '<%= config.bin %> volume list --filesystem files --group team --json',
  ]
  static override flags = {
    ...clusterFlags,
    filesystem: Flags.string({ description: 'Only of this file system.', helpValue: 'NAME' }),
    group: Flags.string({
      description: 'Only of this group.',
      helpValue: 'NAME',
      dependsOn: ['filesystem'],
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(VolumeList)
    const { filesystem, group } = flags
    await this.withCluster(flags, { changes: false }, async (cluster, acts) => {
      const within = {
        ...(filesystem !== undefined && { filesystem }),
        ...(group !== undefined && { group }),
      }
      const volumes = await acts.volumeViews(cluster, within, this.options)
      this.tell(flags, { volumes }, () =>
        renderTable(
          volumes,
          [
            { title: 'FILE SYSTEM', value: one => one.filesystem, fixed: true },
            { title: 'GROUP', value: one => one.group ?? '' },
            { title: 'NAME', value: one => one.name, fixed: true },
            { title: 'SIZE', value: one => sizeText(one.size), right: true },
            { title: 'USED', value: one => sizeText(one.usedBytes), right: true },
            { title: 'RESOURCE', value: one => one.owner?.address ?? '' },
            { title: 'REMARK', value: one => remarks[one.state] },
          ],
          { ...this.tableOptions, empty: 'There is no volume.' },
        ),
      )
    })
  }
}
