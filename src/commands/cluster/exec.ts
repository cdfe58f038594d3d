import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { InfraError } from '../../model/error.js'
import { execInCluster } from '../../providers/vcluster/acts/exec.js'

export default class ClusterExec extends ClusterCommand {
  static override summary = 'Run a command of this machine with the kubeconfig of a virtual cluster.'
  static override description =
    'KUBECONFIG is set for the command alone; where the cluster does not answer from here, a port is forwarded as long as it ' +
    'runs. Its exit status is the exit status. What it changes inside is the cluster’s affair: the stack is not locked.'
  static override examples = [
    '<%= config.bin %> cluster exec team-a -- kubectl get pods',
    '<%= config.bin %> cluster exec team-a -- helm install web ./chart',
  ]
  static override strict = false
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = namedFlags

  async run(): Promise<void> {
    const { args, argv, flags } = await this.parse(ClusterExec)
    const command = argv.slice(1).map(String)
    if (command.length === 0) {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-command',
        message: 'There is no command to run',
        hint: `infra cluster exec ${args.name} -- kubectl get pods`,
      })
    }
    this.endWithTerminal()
    await this.withHosts(flags, { changes: false }, async context => {
      const { host, choice } = await this.find(context, flags, args.name)
      const streams = { stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' } as const
      // At a terminal the command hears Ctrl-C itself, and may have a use for it of its own.
      const signal = process.stdin.isTTY ? this.abort.signal : this.signal
      this.exitCode = await execInCluster(host, choice, command, streams, signal)
    })
  }
}
