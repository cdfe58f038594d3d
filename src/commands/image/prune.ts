import { Flags } from '@oclif/core'
import { yesFlag } from '../../cli/act-flags.js'
import { actFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { imagePools, imageTable, neededImages } from '../../cli/hosts/images.js'
import { deleteImage, listImages } from '../../providers/libvirt/acts/images.js'

export default class ImagePrune extends HostCommand {
  static override summary = 'Delete the images that no machine and no volume uses.'
  static override description =
    'Those of the pools for images that no document of the stack declares and no record of its state has. They are gone for good.'
  static override examples = [
    '<%= config.bin %> image prune',
    '<%= config.bin %> image prune --pool templates --yes',
  ]
  static override flags = {
    ...actFlags,
    pool: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Also those in this pool.',
      helpValue: 'POOL',
    }),
    ...yesFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(ImagePrune)
    await this.withHosts(flags, { changes: true }, async context => {
      const { session, hosts } = context
      const pools = imagePools(session, flags.pool)
      const { found, down } = await this.fromAll(context, host => listImages(host, pools, this.signal))
      const kept = neededImages(session)
      const unused = found
        .flat()
        .filter(
          one =>
            one.usedBy.length === 0 && pools.includes(one.pool) && !kept.has(`${one.host}/${one.reference}`),
        )
      if (unused.length > 0) {
        if (!flags.json && !flags.yaml) process.stdout.write(imageTable(unused, this.tableOptions))
        const question = `Delete ${unused.length === 1 ? 'this image' : `these ${unused.length} images`}?`
        if (!(await this.agreed(question, flags))) return
        for (const image of unused) {
          const host = hosts.open.find(one => one.name === image.host)
          if (host === undefined) continue
          await this.actOnHost(context, flags, host, journal =>
            deleteImage(host, image, this.signal, journal),
          )
        }
      }
      this.tell(flags, { deleted: unused.map(({ host, reference }) => ({ host, reference })) }, () =>
        unused.length === 0 ? 'There is nothing to prune.\n' : `${unused.length} deleted.\n`,
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}
