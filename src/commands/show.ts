import { Args, Flags } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { readPlanFile } from '../cli/saved-plan.js'
import { renderTerminal } from '../report/terminal.js'

export default class Show extends InfraCommand {
  static override summary = 'Print a saved plan again.'
  static override examples = ['<%= config.bin %> show plan.json']
  static override args = {
    plan: Args.string({ description: 'A plan saved with `infra plan -o`.', required: true }),
  }
  static override flags = {
    ...outputFlags,
    full: Flags.boolean({ description: 'Show all attributes, and no list cut short.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Show)
    const { plan } = await readPlanFile(args.plan)
    this.print({
      json: () => plan,
      text: () => renderTerminal(plan, { full: flags.full, ...this.tableOptions }),
    })
  }
}
