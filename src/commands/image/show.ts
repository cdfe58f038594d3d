import { Args } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { HostCommand } from '../../cli/hosts/host-command.js'
import { imagePools } from '../../cli/hosts/images.js'
import { size } from '../../cli/hosts/size.js'
import { InfraError } from '../../model/error.js'
import { listImages } from '../../providers/libvirt/acts/images.js'

export default class ImageShow extends HostCommand {
  static override summary = 'Tell all that there is to know of an image, and who uses it.'
  static override examples = ['<%= config.bin %> image show debian-12.qcow2']
  static override args = {
    name: Args.string({ description: 'Name of the volume, or POOL:VOLUME.', required: true }),
  }
  static override flags = hostFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ImageShow)
    await this.withHosts(flags, { changes: false }, async context => {
      const [pool] = args.name.includes(':') ? args.name.split(':') : []
      const pools = imagePools(context.session, pool === undefined ? [] : [pool])
      const { found, down } = await this.fromAll(context, host => listImages(host, pools, this.signal))
      const all = found.flat()
      const images = all.filter(
        one => one.reference === args.name || one.name === args.name || bare(one.name) === args.name,
      )
      if (images.length === 0) {
        throw new InfraError({
          kind: 'storage',
          code: 'no-image',
          message: `There is no image ${args.name}`,
          ...(all.length > 0 && { why: `There is ${all.map(one => one.reference).join(', ')}` }),
          hint: '`infra image list` lists them.',
        })
      }
      this.tell(flags, { images }, () =>
        images
          .map(one =>
            [
              ['image', one.reference],
              ['host', one.host],
              ['path', one.path],
              ['format', one.format],
              ['size', size(one.capacityBytes)],
              ['taken', size(one.allocationBytes)],
              ['used by', one.usedBy.join(', ') || 'nothing'],
            ]
              .map(([name, value]) => `${`${name}:`.padEnd(10)}${value}\n`)
              .join(''),
          )
          .join('\n'),
      )
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }
}

function bare(name: string): string {
  return name.replace(/\.(qcow2|raw|img|iso)$/, '')
}
