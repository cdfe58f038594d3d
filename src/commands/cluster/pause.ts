import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { lockFlags, namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { pauseCluster } from '../../providers/vcluster/acts/pause.js'

export default class ClusterPause extends ClusterCommand {
  static override summary = 'Pause virtual clusters: their pods go, their objects stay.'
  static override description =
    'Until the document says `paused: true`, it shows as drift, and the next apply resumes it.'
  static override examples = ['<%= config.bin %> cluster pause team-a team-b']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = { ...namedFlags, ...lockFlags }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterPause)
    await this.actOn(
      flags,
      argv.map(String),
      async cluster => {
        recordOf(cluster)
        await pauseCluster(cluster.host, cluster.choice, this.signal)
        return { paused: true }
      },
      (_, name) => `${name} is paused.`,
    )
  }
}
