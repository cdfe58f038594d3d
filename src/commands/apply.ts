import { Args, Flags } from '@oclif/core'
import { changeFlags, choiceFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { requireReviewed, savedPlanFor } from '../cli/saved-plan.js'
import { requireSettled } from '../session/require.js'

export default class Apply extends ChangeCommand {
  static override summary = 'Make the real systems what the stack says.'
  static override description =
    'Plans, shows the plan, asks, and applies it as one transaction: it completes, or everything is put back. ' +
    'Given a saved plan, it plans again and refuses when anything differs from what was reviewed.'
  static override examples = [
    '<%= config.bin %> apply',
    '<%= config.bin %> apply examples/homelab --yes',
    '<%= config.bin %> apply --plan plan.json --yes',
  ]
  static override args = {
    path: Args.string({ description: "The stack's file or folder, or a saved plan (*.json).", default: '.' }),
  }
  static override flags = {
    ...stackFlags,
    ...changeFlags,
    plan: Flags.string({ description: 'Apply exactly this saved plan.', helpValue: 'FILE' }),
    digest: Flags.string({
      description: 'Apply only a plan of this digest: the one that was reviewed.',
      helpValue: 'SHA',
    }),
    ...choiceFlags,
    'refresh-only': Flags.boolean({ description: 'Take reality into the state, and change nothing real.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Apply)
    const began = this.ports.clock.now()
    const saved = await savedPlanFor(args.path, flags.plan)
    const session = await this.openLocked(flags, saved?.path ?? args.path)
    try {
      await requireSettled(session)
      const result = await this.reading(() =>
        session.plan({
          mode: saved?.mode ?? (flags['refresh-only'] ? 'accept' : 'apply'),
          targets: saved?.request.targets ?? flags.target ?? [],
          replace: saved?.request.replace ?? flags.replace ?? [],
          restart: saved?.request.restart ?? flags.restart,
        }),
      )
      await requireReviewed(
        result.plan,
        { plan: saved?.plan, digest: flags.digest, kept: this.cacheFolder('plans') },
        session.stack.secrets,
      )
      const question = flags['refresh-only'] ? 'Take this into the state?' : 'Apply this?'
      await this.carryOut(session, result, question, flags, began)
    } finally {
      await session.close()
    }
  }
}
