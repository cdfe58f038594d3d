import { Args } from '@oclif/core'
import { lockFlags } from '../../cli/act-flags.js'
import { ClusterCommand, sizeText } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume, placeText } from '../../cli/ceph/volume-place.js'
import { snapshotArg } from '../../cli/hosts/flags.js'

export default class VolumeClone extends ClusterCommand {
  static override summary = 'Make a new volume of a snapshot, in the same file system and group.'
  static override examples = ['<%= config.bin %> volume clone files/home nightly-20261121T020000Z home-copy']
  static override args = {
    volume: Args.string({ description: volumeHelp, required: true }),
    ...snapshotArg,
    name: Args.string({ description: 'Name of the new volume.', required: true }),
  }
  static override flags = { ...clusterFlags, ...lockFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeClone)
    await this.withCluster(flags, { changes: true }, async (cluster, acts) => {
      const place = await findVolume(cluster, args.volume, this.options)
      const source = { ...place, snapshot: args.snapshot }
      const target = { ...place, volume: args.name }
      const made = await acts.cloneSnapshot(cluster, source, target, this.call(flags))
      this.tell(
        flags,
        made,
        () => `${placeText(made)} is made, ${sizeText(made.usedBytes)} in it: ${made.path}\n`,
      )
    })
  }
}
