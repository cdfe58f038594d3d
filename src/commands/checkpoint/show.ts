import { existsSync } from 'node:fs'
import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { InfraErrors } from '../../model/error.js'
import { maskPlan } from '../../planner/mask.js'
import { renderTerminal } from '../../report/terminal.js'
import { openSession } from '../../session/session.js'

export default class CheckpointShow extends InfraCommand {
  static override summary = 'Show what going back to a checkpoint would do.'
  static override description = 'The plan of `infra rollback`, without the rollback.'
  static override examples = [
    '<%= config.bin %> checkpoint show 3f2a',
    '<%= config.bin %> checkpoint show examples/homelab',
  ]
  static override args = {
    checkpoint: Args.string({
      description: 'Its name, or the beginning of it; or the stack, for its newest. The newest by default.',
    }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckpointShow)
    // `infra checkpoint show lab` is of the newest of that stack, as it is for `infra rollback lab`.
    const onlyStack = args.path === '.' && args.checkpoint !== undefined && existsSync(args.checkpoint)
    const [path, checkpoint] = onlyStack ? [args.checkpoint ?? '.', undefined] : [args.path, args.checkpoint]
    const session = await openSession(this.sessionInput(flags, path))
    try {
      const { plan, problems } = await session.planRollback(checkpoint)
      const { secrets } = session.stack
      this.print({
        json: () => maskPlan(plan, { secrets }),
        text: () => renderTerminal(plan, { secrets, ...this.tableOptions }),
      })
      if (problems.length > 0) throw new InfraErrors(problems)
    } finally {
      await session.close()
    }
  }
}
