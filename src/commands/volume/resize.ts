import { Args } from '@oclif/core'
import { lockFlags } from '../../cli/act-flags.js'
import { ClusterCommand, sizeText } from '../../cli/ceph/cluster-command.js'
import { clusterFlags, volumeHelp } from '../../cli/ceph/flags.js'
import { findVolume, ownerRemark, placeText } from '../../cli/ceph/volume-place.js'
import { InfraError } from '../../model/error.js'
import { bytesOf } from '../../providers/ceph/kinds/values.js'

export default class VolumeResize extends ClusterCommand {
  static override summary = 'Set the size of a volume. Refused where more is used.'
  static override examples = [
    '<%= config.bin %> volume resize files/home 20GiB',
    '<%= config.bin %> volume resize files/home infinite',
  ]
  static override args = {
    volume: Args.string({ description: volumeHelp, required: true }),
    size: Args.string({ description: 'Such as 20GiB, or infinite.', required: true }),
  }
  static override flags = { ...clusterFlags, ...lockFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VolumeResize)
    const size =
      args.size === 'infinite' ? 'infinite' : bytesOf(/^\d+$/.test(args.size) ? Number(args.size) : args.size)
    if (size === undefined || size === 0) throw invalid(args.size)
    await this.withCluster(flags, { changes: true }, async (cluster, acts) => {
      const place = await findVolume(cluster, args.volume, this.options)
      const now = await acts.changeSize(cluster, place, size, this.call(flags))
      this.tell(
        flags,
        now,
        () => `${placeText(now)} has a size of ${sizeText(now.size)}.\n${ownerRemark(now)}`,
      )
    })
  }
}

function invalid(size: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'invalid-size',
    message: `“${size}” is no size`,
    hint: 'Say 20GiB, 512MiB, a number of bytes, or infinite.',
  })
}
