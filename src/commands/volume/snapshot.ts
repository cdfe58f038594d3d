import { Args, Flags } from '@oclif/core'
import { lockFlags } from '../../cli/act-flags.js'
import { ClusterCommand } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume } from '../../cli/ceph/volume-place.js'
import { durationOf } from '../../providers/ceph/acts/snapshot.js'

export default class VolumeSnapshot extends ClusterCommand {
  static override summary = 'Take the next snapshot of a series, and let go what is not to be kept of it.'
  static override description =
    'Its name is SERIES-TIME. Only snapshots of the same series go, and none that a clone still needs.'
  static override examples = [
    '<%= config.bin %> volume snapshot files/home',
    '<%= config.bin %> volume snapshot files/home --series nightly --keep-last 7',
    '<%= config.bin %> volume snapshot files/home --series nightly --keep-for 4w',
  ]
  static override args = { volume: Args.string({ description: volumeHelp, required: true }) }
  static override flags = {
    ...clusterFlags,
    ...lockFlags,
    series: Flags.string({ description: 'Name of the series.', default: 'manual', helpValue: 'NAME' }),
    'keep-last': Flags.integer({ min: 1, description: 'Keep so many of the series.', helpValue: 'N' }),
    'keep-for': Flags.string({
      description: 'Keep each of the series so long: 12h, 7d, 4w.',
      helpValue: 'TIME',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeSnapshot)
    const { series, 'keep-last': keepLast, 'keep-for': keepFor } = flags
    await this.withCluster(flags, { changes: true }, async (cluster, acts) => {
      if (keepFor !== undefined) durationOf(keepFor)
      const place = await findVolume(cluster, args.volume, this.options)
      const retention = {
        ...(keepLast !== undefined && { keepLast }),
        ...(keepFor !== undefined && { keepFor }),
      }
      const taken = await acts.snapshotVolume(cluster, place, series, retention, this.options)
      this.tell(flags, taken, () =>
        [
          `Snapshot ${taken.created} taken.\n`,
          ...taken.removed.map(name => `Snapshot ${name} let go.\n`),
          ...taken.busy.map(name => `Snapshot ${name} stays: a clone still needs it.\n`),
        ].join(''),
      )
    })
  }
}
