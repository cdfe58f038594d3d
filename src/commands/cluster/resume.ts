import { Args } from '@oclif/core'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { lockFlags, namedFlags, nameHelp } from '../../cli/clusters/flags.js'
import { resumeCluster } from '../../providers/vcluster/acts/pause.js'

export default class ClusterResume extends ClusterCommand {
  static override summary = 'Resume paused virtual clusters, and wait until they are ready.'
  static override description =
    'While the document says `paused: true`, it shows as drift, and the next apply pauses it again.'
  static override examples = ['<%= config.bin %> cluster resume team-a']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = { ...namedFlags, ...lockFlags }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterResume)
    await this.actOn(
      flags,
      argv.map(String),
      async (cluster, progress) => {
        recordOf(cluster)
        await resumeCluster(cluster.host, cluster.choice, progress, this.signal)
        return { paused: false }
      },
      (_, name) => `${name} runs again.`,
    )
  }
}
