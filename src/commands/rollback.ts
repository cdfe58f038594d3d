import { existsSync } from 'node:fs'
import { Args } from '@oclif/core'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { requireSettled } from '../session/require.js'

export default class Rollback extends ChangeCommand {
  static override summary = 'Undo a finished apply.'
  static override description =
    'Plans the way back to what was there before a checkpoint (the newest, by default), shows it, asks, and applies it. ' +
    'What deletes kept comes back with its data.'
  static override examples = [
    '<%= config.bin %> rollback',
    '<%= config.bin %> rollback examples/homelab 3f2a',
  ]
  static override args = {
    path: Args.string({
      description: "The stack's file or folder; or the checkpoint, in the stack of this folder.",
      default: '.',
    }),
    checkpoint: Args.string({
      description: 'The checkpoint, as `infra checkpoint ls` names it; its beginning is enough.',
    }),
  }
  static override flags = { ...stackFlags, ...changeFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Rollback)
    const began = this.ports.clock.now()
    // `infra rollback 3f2a` names a checkpoint of the stack here.
    const onlyCheckpoint = args.checkpoint === undefined && !existsSync(args.path)
    const path = onlyCheckpoint ? '.' : args.path
    const checkpoint = onlyCheckpoint ? args.path : args.checkpoint
    const session = await this.openLocked(flags, path)
    try {
      await requireSettled(session)
      const result = await this.reading(() => session.planRollback(checkpoint))
      await this.carryOut(session, result, 'Go back to this?', flags, began)
    } finally {
      await session.close()
    }
  }
}
