import { Args, Flags } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { clusterLogs } from '../../providers/vcluster/acts/logs.js'

export default class ClusterLogs extends ClusterCommand {
  static override summary = 'Print the log of a virtual cluster’s control plane.'
  static override description =
    'With --follow it goes on over restarts of the pod and lost connections, until Ctrl-C.'
  static override examples = [
    '<%= config.bin %> cluster logs team-a',
    '<%= config.bin %> cluster logs team-a --follow --lines 20',
  ]
  static override args = { name: Args.string({ description: nameHelp, required: true }) }
  static override flags = {
    ...namedFlags,
    follow: Flags.boolean({ char: 'f', description: 'Go on with what it says, until Ctrl-C.' }),
    lines: Flags.integer({ min: 0, description: 'Only so many lines of the past.', helpValue: 'N' }),
    container: Flags.string({
      description: 'A container of the pod; `syncer` by default.',
      helpValue: 'NAME',
    }),
    timestamps: Flags.boolean({ description: 'The time in front of each line.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(ClusterLogs)
    await this.withHosts(flags, { changes: false }, async context => {
      const { host, choice } = await this.find(context, flags, args.name)
      const options = {
        name: choice.name,
        follow: flags.follow,
        timestamps: flags.timestamps,
        ...(choice.namespace !== undefined && { namespace: choice.namespace }),
        ...(flags.lines !== undefined && { tail: flags.lines }),
        ...(flags.container !== undefined && { container: flags.container }),
      }
      await clusterLogs(host, options, line => void process.stdout.write(`${line}\n`), this.signal)
    })
  }
}
