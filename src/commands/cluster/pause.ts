import { Args } from '@oclif/core'
import { ClusterActCommand } from '../../cli/clusters/act-plan.js'
import { actFlags, nameHelp } from '../../cli/clusters/flags.js'

export default class ClusterPause extends ClusterActCommand {
  static override summary = 'Pause virtual clusters: their pods go, their objects stay.'
  static override description =
    'Journaled and read back as an apply is. Until the document says `paused: true`, the next apply resumes it.'
  static override examples = ['<%= config.bin %> cluster pause team-a team-b']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = actFlags

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(ClusterPause)
    await this.act({ ...flags, yes: true }, argv.map(String), '', ({ spec }) => ({ ...spec, paused: true }))
  }
}
