import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { clusterKubeconfig } from '../../providers/vcluster/acts/kubeconfig.js'

export default class ClusterKubeconfig extends ClusterCommand {
  static override summary = 'Print where the kubeconfig of a virtual cluster is.'
  static override description =
    'The file is written anew where it no longer serves. Only --stdout prints what is in it: a secret.'
  static override examples = [
    'export KUBECONFIG=$(<%= config.bin %> cluster kubeconfig team-a)',
    '<%= config.bin %> cluster kubeconfig team-a --refresh',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = {
    ...namedFlags,
    refresh: Flags.boolean({ description: 'Write it anew in any case.' }),
    stdout: Flags.boolean({
      description: 'Print the kubeconfig itself, in clear, also where the file is encrypted.',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterKubeconfig)
    await this.withHosts(flags, { changes: false }, async context => {
      const { host, choice } = await this.find(context, flags, args.name)
      const options = { refresh: flags.refresh, text: flags.stdout }
      const answer = await clusterKubeconfig(host, choice, options, this.signal)
      this.tell(flags, answer, () =>
        answer.text === undefined ? `${answer.path}\n` : answer.text.replace(/\n?$/, '\n'),
      )
    })
  }
}
