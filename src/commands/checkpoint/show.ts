import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { InfraErrors } from '../../model/error.js'
import { maskPlan } from '../../planner/mask.js'
import { renderTerminal } from '../../report/terminal.js'
import { openSession } from '../../session/session.js'

export default class CheckpointShow extends InfraCommand {
  static override summary = 'Show what going back to a checkpoint would do.'
  static override description = 'The plan of `infra rollback`, without the rollback.'
  static override examples = ['<%= config.bin %> checkpoint show 3f2a']
  static override args = {
    checkpoint: Args.string({ description: 'Its name, or the beginning of it.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckpointShow)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const { plan, problems } = await session.planRollback(args.checkpoint)
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
