import { Args, Flags } from '@oclif/core'
import type { Checkpoint } from '../../apply/record.js'
import { ask } from '../../cli/ask.js'
import { changeFlags, InfraCommand, stackFlags } from '../../cli/base-command.js'
import { InfraError } from '../../model/error.js'
import { requireSettled } from '../../session/require.js'
import { openSession } from '../../session/session.js'

export default class CheckpointPrune extends InfraCommand {
  static override summary = 'Destroy for good what deletes kept, and remove old checkpoints.'
  static override description =
    'This is where kept data goes: after it, a rollback cannot bring it back. Without a choice, all checkpoints go.'
  static override examples = [
    '<%= config.bin %> checkpoint prune --keep 5',
    '<%= config.bin %> checkpoint prune --older-than 30 --yes',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    yes: changeFlags.yes,
    'lock-timeout': changeFlags['lock-timeout'],
    keep: Flags.integer({
      helpValue: 'N',
      min: 0,
      description: 'Keep the newest so many.',
      exclusive: ['older-than', 'up-to'],
    }),
    'older-than': Flags.integer({
      min: 0,
      description: 'Prune what is older than so many days.',
      exclusive: ['up-to'],
      helpValue: 'DAYS',
    }),
    'up-to': Flags.string({
      description: 'Prune this checkpoint and all that are older.',
      helpValue: 'CHECKPOINT',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckpointPrune)
    const session = await openSession(this.sessionInput(flags, args.path))
    let chosen: readonly Checkpoint[] = []
    try {
      await session.lock(this.holder(flags))
      await requireSettled(session)
      const days = flags['older-than']
      const choice = {
        ...(flags.keep !== undefined && { keep: flags.keep }),
        ...(days !== undefined && { before: this.ports.clock.now() - days * 86_400_000 }),
        ...(flags['up-to'] !== undefined && { upTo: flags['up-to'] }),
      }
      const pruned = await session.prune(choice, checkpoints => {
        chosen = checkpoints
        return this.#agree(checkpoints, flags.yes, flags.json)
      })
      this.print({
        json: () => ({
          pruned: pruned ? chosen.map(one => one.id) : [],
          destroyed: pruned ? addresses(chosen) : [],
        }),
        text: () => (pruned ? `Pruned ${chosen.length} checkpoints.\n` : 'Nothing was pruned.\n'),
      })
    } finally {
      await session.close()
    }
  }

  async #agree(checkpoints: readonly Checkpoint[], yes: boolean, json: boolean): Promise<boolean> {
    if (checkpoints.length === 0) return false
    if (!json) {
      const kept = addresses(checkpoints)
      process.stdout.write(`${checkpoints.length} checkpoints go, and with them for good:\n`)
      process.stdout.write(
        kept.length === 0 ? '  nothing that was kept\n' : kept.map(address => `  - ${address}\n`).join(''),
      )
    }
    if (yes) return true
    if (this.interactive)
      return (await ask("Destroy this? Only 'yes' goes ahead: ", this.abort.signal)) === 'yes'
    throw new InfraError({
      kind: 'configuration',
      code: 'nobody-to-ask',
      message: 'there is no terminal to ask at',
      hint: 'Say --yes to go ahead without being asked.',
    })
  }
}

function addresses(checkpoints: readonly Checkpoint[]): string[] {
  return checkpoints.flatMap(checkpoint => checkpoint.kept.map(kept => kept.address))
}
