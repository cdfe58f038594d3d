import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { connectCluster, mergeContext, type Way } from '../../providers/vcluster/acts/connect.js'

export default class ClusterConnect extends ClusterCommand {
  static override summary = 'Open a way into a virtual cluster until Ctrl-C, or put it into your kubeconfig.'
  static override description =
    'Forwards a port of this machine and writes a kubeconfig for it; both are gone afterwards. With --merge nothing is ' +
    'forwarded: a context goes into your kubeconfig, and --remove takes it out again.'
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
        const file = flags.file ?? ownKubeconfig()
        const options = { use: flags.use, remove: flags.remove }
        const name = await mergeContext(host, choice, file, options, this.signal)
        this.tell(flags, { context: name, file, removed: flags.remove }, () =>
          flags.remove
            ? `The context ${name} is no longer in ${file}.\n`
            : `The context ${name} is in ${file}${flags.use ? ', and is the current one' : ''}.\n`,
        )
        return
      }
      const options = flags.port === undefined ? {} : { port: flags.port }
      await connectCluster(host, choice, options, way => this.#opened(flags, way), this.signal)
    })
  }

  #opened(flags: { readonly json: boolean; readonly yaml: boolean }, { kubeconfig, server }: Way): void {
    this.tell(flags, { kubeconfig, server }, () => `export KUBECONFIG='${kubeconfig}'\n`)
    if (!flags.json && !flags.yaml)
      process.stderr.write(`${server} leads to the cluster. Ctrl-C closes it and removes the kubeconfig.\n`)
  }
}

function ownKubeconfig(): string {
  const [first] = (process.env.KUBECONFIG ?? '').split(delimiter)
  return first || join(homedir(), '.kube', 'config')
}
