import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import type { NamedCluster } from '../../cli/clusters/find.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import {
  connectCluster,
  mergeContext,
  unmergeContext,
  type Way,
} from '../../providers/vcluster/acts/connect.js'

export default class ClusterConnect extends ClusterCommand {
  static override summary = 'Open a way into a virtual cluster until Ctrl-C, or put it into your kubeconfig.'
  static override description =
    'Forwards a port of this machine and writes a kubeconfig for it; both are gone afterwards. With --merge nothing is ' +
    'forwarded: the context infra_NAME_NAMESPACE_HOST goes into your kubeconfig, HOST being the context of the host cluster, and ' +
    '--remove takes it out again.'
  static override examples = [
    '<%= config.bin %> cluster connect team-a',
    '<%= config.bin %> cluster connect team-a --port 8443',
    '<%= config.bin %> cluster connect team-a --merge --use',
    '<%= config.bin %> cluster connect team-a --remove',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = {
    ...namedFlags,
    port: Flags.integer({
      min: 1,
      max: 65_535,
      description: 'Port of this machine; a free one by default.',
      exclusive: ['merge', 'remove'],
      helpValue: 'PORT',
    }),
    merge: Flags.boolean({ description: 'Put a context into your kubeconfig instead.' }),
    remove: Flags.boolean({ description: 'Take that context out again.', exclusive: ['merge', 'use'] }),
    use: Flags.boolean({ description: 'Make it the current context.', dependsOn: ['merge'] }),
    file: Flags.string({
      description: 'The kubeconfig for --merge and --remove; the first of $KUBECONFIG, or ~/.kube/config.',
      helpValue: 'FILE',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterConnect)
    this.endWithTerminal()
    await this.withHosts(flags, { changes: false }, async context => {
      const { host, choice } = await this.find(context, flags, args.name)
      if (flags.merge || flags.remove) {
        await this.#edit(flags, host, choice)
        return
      }
      const options = flags.port === undefined ? {} : { port: flags.port }
      await connectCluster(host, choice, options, way => this.#opened(flags, way), this.signal)
    })
  }

  async #edit(flags: EditFlags, host: NamedCluster['host'], choice: NamedCluster['choice']): Promise<void> {
    const file = flags.file ?? ownKubeconfig()
    if (!flags.remove) {
      const context = await mergeContext(host, choice, file, { use: flags.use }, this.signal)
      const text = `The context ${context} is in ${file}${flags.use ? ', and is the current one' : ''}.\n`
      return this.tell(flags, { context, file, removed: false }, () => text)
    }
    const contexts = await unmergeContext(host, choice, file, this.signal)
    const [context = null] = contexts
    this.tell(flags, { context, file, removed: contexts.length > 0 }, () =>
      context === null
        ? `There is no context of ${choice.name} in ${file}.\n`
        : `The context ${contexts.join(', ')} is no longer in ${file}.\n`,
    )
  }

  #opened(flags: { readonly json: boolean; readonly yaml: boolean }, { kubeconfig, server }: Way): void {
    this.tell(flags, { kubeconfig, server }, () => `export KUBECONFIG='${kubeconfig}'\n`)
    if (!flags.json && !flags.yaml)
      process.stderr.write(`${server} leads to the cluster. Ctrl-C closes it and removes the kubeconfig.\n`)
  }
}

interface EditFlags {
  readonly file?: string | undefined
  readonly use: boolean
  readonly remove: boolean
  readonly json: boolean
  readonly yaml: boolean
}

function ownKubeconfig(): string {
  const [first] = (process.env.KUBECONFIG ?? '').split(delimiter)
  return first || join(homedir(), '.kube', 'config')
}
