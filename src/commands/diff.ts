import { Args } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { readPlanFile } from '../cli/saved-plan.js'
import { diffPlans, renderPlanDiff } from '../report/plan-diff.js'

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
    const found = diffPlans(first.plan, second.plan)
    this.print({ json: () => found, text: () => renderPlanDiff(found, { colour: this.colour }) })
    if (!found.same) this.exitCode = 2
  }
}
