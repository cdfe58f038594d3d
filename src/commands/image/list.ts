import { Flags } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { imagePools, imageTable } from '../../cli/hosts/images.js'
import { unreachable } from '../../cli/hosts/machine-command.js'
import { listImages } from '../../providers/libvirt/acts/images.js'

export default class ImageList extends HostCommand {
  static override summary = 'List the images of the hosts, with how many use each.'
  static override description =
    'What is in the pools for images (foundry-images, those of the stack, those of --pool), and whatever disks are based on.'
  static override examples = ['<%= config.bin %> image list', '<%= config.bin %> image list --pool templates']
  static override flags = {
    ...hostFlags,
    pool: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Also what is in this pool.',
      helpValue: 'POOL',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ImageList)
    await this.withHosts(flags, { changes: false }, async context => {
      const pools = imagePools(context.session, flags.pool)
      const { found, down } = await this.fromAll(context, host => listImages(host, pools, this.signal))
      const images = found.flat()
      this.tell(flags, { images, ...(down.length > 0 && { unreachable: unreachable(down) }) }, () =>
        imageTable(images, this.tableOptions),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
