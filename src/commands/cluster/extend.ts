import { Args, Flags } from '@oclif/core'
import { lockFlags } from '../../cli/act-flags.js'
import { ClusterCommand } from '../../cli/clusters/cluster-command.js'
import { recordOf } from '../../cli/clusters/find.js'
import { namedFlags, nameHelp, spanOf } from '../../cli/clusters/flags.js'
import { extendCluster } from '../../providers/vcluster/acts/extend.js'

export default class ClusterExtend extends ClusterCommand {
  static override summary = 'Put off the end of virtual clusters that have a time to live.'
  static override description =
    'Added to what is left; counted from now where nothing is. The end is on the object, so every machine sees it. Journaled.'
  static override examples = ['<%= config.bin %> cluster extend team-a --for 1h']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = {
    ...namedFlags,
    ...lockFlags,
    for: Flags.string({
      required: true,
      description: 'By how much: 90m, 2h, 1d12h.',
      helpValue: 'SPAN',
    }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterExtend)
    const seconds = spanOf('--for', flags.for)
    await this.actOn(
      flags,
      argv.map(String),
      async (cluster, begin) => {
        recordOf(cluster)
        return { expiresAt: await extendCluster(cluster.host, cluster.choice, seconds, begin, this.signal) }
      },
      ({ expiresAt }, name) => `${name} lives until ${expiresAt}.`,
    )
  }
}
