import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { FoundClusters } from '../cli/clusters/discover.js'
import { hostFlags } from '../cli/hosts/flags.js'
import { HostCommand, type HostFlags } from '../cli/hosts/host-command.js'
import { unreachable } from '../cli/hosts/machine-command.js'
import { documentsText, stackDocumentText } from '../cli/hosts/stack-text.js'
import { writeOutput } from '../cli/output-file.js'
import { InfraError } from '../model/error.js'
import { type Discovery, discover } from '../session/discover.js'
import type { Session } from '../session/session.js'

interface DiscoverFlags extends HostFlags {
  readonly name: string
  readonly out?: string | undefined
  readonly unmanaged: boolean
  readonly context?: string | undefined
  readonly ghost?: string | undefined
}

interface Found extends FoundClusters {
  readonly leftOut: Discovery['leftOut']
}

export default class Discover extends HostCommand {
  static override summary = 'Write stack documents of what exists on hosts, whoever made it.'
  static override description =
    'Pools, networks, volumes and machines, with what Foundry and the Ansible set-up before it left on them; virtual clusters, ' +
    'with what ghostctl recorded. Each document is ' +
    'held against what is there: once it is taken over (infra adopt, infra import), there is nothing to do. What another stack ' +
    'owns is left out. Nothing is changed.'
  static override examples = [
    '<%= config.bin %> discover --connect qemu:///system --out lab/stack.yaml',
    '<%= config.bin %> discover --stack lab --unmanaged',
    '<%= config.bin %> discover --kubeconfig ~/.kube/config --ghost ~/.ghost --out clusters/stack.yaml',
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
      options: ['StoragePool', 'Network', 'Volume', 'VirtualMachine', 'VirtualCluster'] as const,
      multiple: true,
      multipleNonGreedy: true,
    })({
      description: 'Only these kinds.',
    }),
    kubeconfig: Flags.string({
      description: 'Without a stack: virtual clusters of the host cluster of this kubeconfig.',
      exclusive: ['connect', 'host', 'unmanaged'],
      helpValue: 'FILE',
    }),
    context: Flags.string({
      description: 'Context in it; its current one by default.',
      dependsOn: ['kubeconfig'],
      helpValue: 'NAME',
    }),
    ghost: Flags.string({
      description: "ghostctl's folder (~/.ghost): what it records of its clusters goes into their documents.",
      helpValue: 'FOLDER',
    }),
    unmanaged: Flags.boolean({
      description: 'Only what this stack does not declare, without a document of the stack itself.',
    }),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Discover)
    if (flags.kubeconfig !== undefined) {
      await this.#clustersOf(flags, flags.kubeconfig)
      return
    }
    await this.withHosts(flags, { changes: false, others: true }, async context => {
      const { session, connections } = context
      const { found, down } = await this.fromAll(context, host => discover(host, this.signal))
      const clusters = session && (await this.#clusters(flags, session))
      const declared = new Set(
        [...(session?.stack.resources.values() ?? [])].map(
          one => `${one.connection} ${one.kind}/${one.name}`,
        ),
      )
      const documents = [...found.flatMap(one => one.documents), ...(clusters?.documents ?? [])].filter(
        one =>
          (flags.kind === undefined || flags.kind.some(kind => kind === one.kind)) &&
          (!flags.unmanaged || !declared.has(`${one.host} ${one.kind}/${one.name}`)),
      )
      await this.#tell(flags, {
        documents,
        leftOut: found.flatMap(one => one.leftOut),
        connections: [...connections, ...(clusters?.connections ?? [])],
        down: [...down, ...(clusters?.down ?? [])],
      })
    })
  }

  /** Virtual clusters; what reads them is loaded where there may be some. */
  async #clusters(flags: DiscoverFlags, session: Session): Promise<FoundClusters | undefined> {
    if (!session.stack.connections.some(one => one.type === 'vcluster')) return undefined
    const { clustersOfStack } = await import('../cli/clusters/discover.js')
    return clustersOfStack(session, flags.host, this.#input(flags))
  }

  /** Virtual clusters of one host cluster that no stack has yet. */
  async #clustersOf(flags: DiscoverFlags, kubeconfig: string): Promise<void> {
    const { clustersOfHost } = await import('../cli/clusters/discover.js')
    const settings = {
      kubeconfig: resolve(kubeconfig),
      ...(flags.context !== undefined && { context: flags.context }),
    }
    const found = await clustersOfHost(settings, process.cwd(), this.#input(flags))
    await this.#tell(flags, { ...found, leftOut: [] })
  }

  #input(flags: DiscoverFlags) {
    const ghostFolder = flags.ghost === undefined ? undefined : resolve(flags.ghost)
    return { ports: this.ports, ghostFolder, signal: this.signal }
  }

  async #tell(flags: DiscoverFlags, { documents, leftOut, connections, down }: Found): Promise<void> {
    const several =
      connections.filter(one => one.type === 'libvirt').length > 1 ||
      connections.some(one => one.type === 'libvirt' && one.name !== 'libvirt')
    const text = [
      ...(flags.unmanaged ? [] : [stackDocumentText(flags.name, connections)]),
      documentsText(documents, leftOut, one =>
        several && one.kind !== 'VirtualCluster' ? one.host : undefined,
      ),
    ]
      .filter(part => part !== '')
      .join('---\n')
    const data = { documents, leftOut, ...(down.length > 0 && { unreachable: unreachable(down) }) }
    if (flags.out === undefined) {
      this.tell(flags, data, () => text)
    } else {
      await this.#write(flags.out, text)
      const counts = `${documents.length} documents written, ${leftOut.length} objects left out`
      this.tell(flags, { ...data, file: flags.out }, () => `${flags.out}: ${counts}.\n`)
    }
    this.tellErrors(
      flags,
      down.map(one => one.error),
    )
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
    await writeOutput(this.ports.files, file, text, 0o644)
  }
}
