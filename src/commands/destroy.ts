import { Args, Flags } from '@oclif/core'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { requireReviewed } from '../cli/saved-plan.js'
import { requireSettled } from '../session/require.js'

export default class Destroy extends ChangeCommand {
  static override summary = 'Delete everything that the stack made.'
  static override description =
    'Deletes what the state records, dependents first, each delete proved by a read. ' +
    'Data that a system can keep is kept until `infra checkpoint prune`, and `infra rollback` brings it back.'
  static override examples = [
    '<%= config.bin %> destroy',
    '<%= config.bin %> destroy --target VirtualMachine/web',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    ...changeFlags,
    digest: Flags.string({
      description:
        'Destroy only by a plan of this digest: the one that was reviewed (`infra plan --destroy`).',
      helpValue: 'SHA',
    }),
    target: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Only this resource and what needs it.',
      helpValue: 'ADDRESS',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Destroy)
    const began = this.ports.clock.now()
    const session = await this.openLocked(flags, args.path)
    try {
      await requireSettled(session)
      const result = await this.reading(() => session.plan({ mode: 'destroy', targets: flags.target ?? [] }))
      await requireReviewed(
        result.plan,
        { digest: flags.digest, kept: this.cacheFolder('plans') },
        session.stack.secrets,
      )
      await this.carryOut(session, result, 'Destroy all this?', flags, began)
    } finally {
      await session.close()
    }
  }
}
