import { Flags } from '@oclif/core'
import { hostFlags } from '../cli/hosts/flags.js'
import { HostCommand } from '../cli/hosts/host-command.js'
import { unreachable } from '../cli/hosts/machine-command.js'
import { documentsText, stackDocumentText } from '../cli/hosts/stack-text.js'
import { InfraError } from '../model/error.js'
import { discover } from '../session/discover.js'

export default class Discover extends HostCommand {
  static override summary = 'Write stack documents of what exists on hosts, whoever made it.'
  static override description =
    'Pools, networks, volumes and machines, with what Foundry and the Ansible set-up before it left on them. Each document is ' +
    'held against what is there: once it is taken over (infra adopt, infra import), there is nothing to do. What another stack ' +
    'owns is left out. Nothing is changed.'
  static override examples = [
    '<%= config.bin %> discover --connect qemu:///system --out lab/stack.yaml',
    '<%= config.bin %> discover --stack lab --unmanaged',
  ]
  static override flags = {
    ...hostFlags,
    out: Flags.string({
      char: 'o',
      description: 'Write them to this new file; else they are printed.',
      helpValue: 'FILE',
    }),
    name: Flags.string({
      description: 'Name of the stack that is written.',
      default: 'discovered',
      helpValue: 'NAME',
    }),
    kind: Flags.option({
      options: ['StoragePool', 'Network', 'Volume', 'VirtualMachine'] as const,
      multiple: true,
    })({
      description: 'Only these kinds.',
    }),
    unmanaged: Flags.boolean({
      description: 'Only what this stack does not declare, without a document of the stack itself.',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Discover)
    await this.withHosts(flags, { changes: false }, async context => {
      const { session, connections } = context
      const { found, down } = await this.fromAll(context, host => discover(host, this.signal))
      const declared = new Set(
        [...(session?.stack.resources.values() ?? [])].map(
          one => `${one.connection} ${one.kind}/${one.name}`,
        ),
      )
      const all = found
        .flatMap(one => one.documents)
        .filter(one => flags.kind === undefined || flags.kind.some(kind => kind === one.kind))
      const documents = all.filter(
        one => !flags.unmanaged || !declared.has(`${one.host} ${one.kind}/${one.name}`),
      )
      const leftOut = found.flatMap(one => one.leftOut)
      const several = connections.length > 1 || connections.some(one => one.name !== 'libvirt')
      const text = [
        ...(flags.unmanaged ? [] : [stackDocumentText(flags.name, connections)]),
        documentsText(documents, leftOut, one => (several ? one.host : undefined)),
      ].join('---\n')
      if (flags.out === undefined) {
        this.tell(
          flags,
          { documents, leftOut, ...(down.length > 0 && { unreachable: unreachable(down) }) },
          () => text,
        )
      } else {
        await this.#write(flags.out, text)
        const counts = `${documents.length} documents written, ${leftOut.length} objects left out`
        this.tell(flags, { documents, leftOut, file: flags.out }, () => `${flags.out}: ${counts}.\n`)
      }
      this.tellErrors(
        flags,
        down.map(one => one.error),
      )
    })
  }

  async #write(file: string, text: string): Promise<void> {
    if ((await this.ports.files.read(file)) !== undefined) {
      throw new InfraError({
        kind: 'configuration',
        code: 'file-exists',
        message: `${file} is there already`,
        hint: 'Choose another name: nothing is written over.',
      })
    }
    await this.ports.files.replace(file, Buffer.from(text), 0o644)
  }
}
