import { Args, Flags } from '@oclif/core'
import { hostFlags } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { InfraError } from '../../model/error.js'
import { copyFromGuest, copyIntoGuest } from '../../providers/libvirt/acts/copy.js'

export default class VmCp extends MachineCommand {
  static override summary = 'Copy a file into a guest or out of it, through its agent.'
  static override description =
    'One of the two is NAME:PATH. What arrived is compared with what was sent, by its sha256 where the guest can make one.'
  static override examples = [
    '<%= config.bin %> vm cp nginx.conf web:/etc/nginx/nginx.conf',
    '<%= config.bin %> vm cp web:/var/log/syslog .',
  ]
  static override args = {
    from: Args.string({ description: 'A file here, or NAME:PATH of a file in the guest.', required: true }),
    to: Args.string({ description: 'A file or folder here, or NAME:PATH in the guest.', required: true }),
  }
  static override flags = {
    ...hostFlags,
    quiet: Flags.boolean({ char: 'q', description: 'Say nothing where it went well.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmCp)
    const [from, to] = [guestPath(args.from), guestPath(args.to)]
    const guest = from ?? to
    if (guest === undefined || (from !== undefined && to !== undefined)) {
      throw new InfraError({
        kind: 'configuration',
        code: 'copy-ends',
        message: 'One of the two must be in a guest, and the other here',
        hint: 'infra vm cp FILE NAME:/PATH, or infra vm cp NAME:/PATH FILE; a file here with a colon in its name is ./a:b.',
      })
    }
    await this.withHosts(flags, { changes: false }, async context => {
      const machine = await this.chooseOne(context, guest.name)
      const options = { signal: this.signal }
      const done =
        to === undefined
          ? await copyFromGuest(machine, guest.path, args.to, options)
          : await copyIntoGuest(machine, args.from, guest.path, options)
      if (flags.quiet) return
      this.tell(flags, done, () => {
        const how = done.verified
          ? `sha256 ${done.sha256}`
          : 'the guest has no sha256sum: its size alone was compared'
        return `${done.from} → ${done.to}: ${done.bytes} bytes, ${how}\n`
      })
    })
  }
}

/** Name and path of `NAME:PATH`; undefined for a path here. */
function guestPath(text: string): { readonly name: string; readonly path: string } | undefined {
  const match = /^([^./:][^:]*):(.+)$/.exec(text)
  return match?.[1] && match[2] ? { name: match[1], path: match[2] } : undefined
}
