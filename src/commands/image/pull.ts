import { Args, Flags } from '@oclif/core'
import { actFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { size } from '../../cli/hosts/size.js'
import { InfraError } from '../../model/error.js'
import { putImage } from '../../providers/libvirt/acts/images.js'

export default class ImagePull extends HostCommand {
  static override summary = 'Download a disk image into a storage pool.'
  static override description =
    'Verified by its checksum, continued where it was cut off, and kept by its digest, so that it is fetched once. A stack ' +
    'would rather declare it, as a document of kind Image.'
  static override examples = [
    '<%= config.bin %> image pull https://example.org/debian-12.qcow2 --checksum sha256:…',
  ]
  static override args = { url: Args.string({ description: 'Its https address.', required: true }) }
  static override flags = {
    ...actFlags,
    checksum: Flags.string({
      required: true,
      description: 'What its bytes must be, as its publisher gives it: sha256:…; none goes without.',
      helpValue: 'SHA256',
    }),
    pool: Flags.string({ description: 'The pool; foundry-images by default.', helpValue: 'POOL' }),
    name: Flags.string({
      description: "Name of the image; the address's last part by default.",
      helpValue: 'NAME',
    }),
    format: Flags.option({ options: ['qcow2', 'raw'] as const })({
      description: 'Where its name does not tell.',
    }),
    convert: Flags.boolean({ description: 'Convert a raw image to qcow2.' }),
    insecure: Flags.boolean({ description: 'Allow http.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImagePull)
    const name = flags.name ?? args.url.split(/[?#]/)[0]?.split('/').at(-1) ?? ''
    if (name === '') {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-name',
        message: 'The address does not tell a name for the image',
        hint: 'Say --name.',
      })
    }
    const pool = flags.pool ?? this.setting('imagePool')
    await this.withHosts(flags, { changes: true }, async context => {
      const host = this.oneHost(context)
      const progress = this.progress(flags)
      const asked = {
        name: flags.convert ? name.replace(/\.raw$/, '') : name,
        url: args.url,
        checksum: flags.checksum,
        convert: flags.convert,
        insecure: flags.insecure,
        ...(pool !== undefined && { pool }),
        ...(flags.format !== undefined && { format: flags.format }),
      }
      const call = { signal: this.signal, progress: (message: string) => progress(name, message) }
      const image = await this.actOnHost(context, flags, host, journal =>
        putImage(host, asked, call, journal),
      )
      this.tell(flags, image, () => `${image.reference}: ${image.format}, ${size(image.capacityBytes)}\n`)
    })
  }
}
