import { Args, Flags } from '@oclif/core'
import { InfraCommand, outputFlags } from '../cli/base-command.js'
import { planFlags, planFormats, renderPlan } from '../cli/render-plan.js'
import { readPlanFile } from '../cli/saved-plan.js'

export default class Show extends InfraCommand {
  static override summary = 'Print a saved plan again.'
  static override examples = [
    '<%= config.bin %> show plan.json',
    '<%= config.bin %> show plan.json --format html > plan.html',
  ]
  static override args = {
    plan: Args.string({ description: 'A plan saved with `infra plan -o`.', required: true }),
  }
  static override flags = {
    ...outputFlags,
    format: Flags.option({ options: planFormats })({
      description: 'How to print it; `--json` is short for json.',
      default: 'terminal',
    }),
    full: Flags.boolean({ description: 'Show all attributes, and no list cut short.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Show)
    const { plan, request } = await readPlanFile(args.plan)
    const text = await renderPlan(flags.json ? 'json' : flags.format, {
      result: { plan, problems: [] },
      policy: undefined,
      // What is secret was masked when it was saved
      secrets: [],
      full: flags.full,
      ...(request && {
        path: request.path,
        flags: planFlags({ target: request.targets, replace: request.replace, restart: request.restart }, []),
      }),
      ...this.tableOptions,
    })
    process.stdout.write(text)
  }
}
