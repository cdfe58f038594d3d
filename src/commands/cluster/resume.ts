import { Args } from '@oclif/core'
import { ClusterActCommand } from '../../cli/clusters/act-plan.js'
import { actFlags, nameHelp } from '../../cli/clusters/flags.js'

export default class ClusterResume extends ClusterActCommand {
  static override summary = 'Resume paused virtual clusters, and wait until they are ready.'
  static override description =
    'Journaled and read back as an apply is. While the document says `paused: true`, the next apply pauses it again.'
  static override examples = ['<%= config.bin %> cluster resume team-a']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = actFlags

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterResume)
    await this.act({ ...flags, yes: true }, argv.map(String), '', ({ spec }) => ({ ...spec, paused: false }))
  }
}
