import { basename, resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { actFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { size } from '../../cli/hosts/size.js'
import { putImage } from '../../providers/libvirt/acts/images.js'

export default class ImageImport extends HostCommand {
  static override summary = 'Put a disk image from a file into a storage pool.'
  static override description =
    'Its content must be what its name says: qcow2 without a backing file, or raw with a boot signature. A stack would rather ' +
    'declare it, as a document of kind Image.'
  static override examples = ['<%= config.bin %> image import debian-12.qcow2 --pool foundry-images']
  static override args = { file: Args.string({ description: 'The file.', required: true }) }
  static override flags = {
    ...actFlags,
    pool: Flags.string({ description: 'The pool; foundry-images by default.', helpValue: 'POOL' }),
    name: Flags.string({ description: "Name of the image; the file's by default.", helpValue: 'NAME' }),
    checksum: Flags.string({ description: 'What its bytes must be: sha256:….', helpValue: 'SHA256' }),
    format: Flags.option({ options: ['qcow2', 'raw'] as const })({
      description: 'Where its name does not tell.',
    }),
    convert: Flags.boolean({ description: 'Convert a raw image to qcow2.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageImport)
    const pool = flags.pool ?? this.setting('imagePool')
    await this.withHosts(flags, { changes: true }, async context => {
      const host = this.oneHost(context)
      const progress = this.progress(flags)
      const name = flags.name ?? basename(args.file)
      const asked = {
        name: flags.convert ? name.replace(/\.raw$/, '') : name,
        path: resolve(args.file),
        convert: flags.convert,
        ...(pool !== undefined && { pool }),
        ...(flags.checksum !== undefined && { checksum: flags.checksum }),
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
