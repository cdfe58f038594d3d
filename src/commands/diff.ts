import { Args } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { readPlanFile } from '../cli/saved-plan.js'
import { planDifferences } from '../report/plan-diff.js'

export default class Diff extends InfraCommand {
  static override summary = 'Show what differs between two saved plans.'
  static override description = 'Exits 0 when they do the same, 2 when they differ.'
  static override examples = ['<%= config.bin %> diff reviewed.json now.json']
  static override args = {
    first: Args.string({ description: 'A saved plan.', required: true }),
    second: Args.string({ description: 'Another.', required: true }),
  }
  static override flags = outputFlags

  async run(): Promise<void> {
    const { args } = await this.parse(Diff)
    const [first, second] = await Promise.all([readPlanFile(args.first), readPlanFile(args.second)])
    const lines = planDifferences(first.plan, second.plan)
    this.print({
      json: () => ({ same: lines.length === 0, differences: lines }),
      text: () => (lines.length === 0 ? 'The two plans do the same.\n' : `${lines.join('\n')}\n`),
    })
    if (lines.length > 0) this.exitCode = 2
  }
}
