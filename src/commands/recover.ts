import { Args, Flags } from '@oclif/core'
import { type ActRecord, actsInWords, openActs } from '../apply/act-journal.js'
import type { JournalRecord } from '../apply/record.js'
import { ask } from '../cli/ask.js'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { confirm } from '../cli/confirm.js'
import { settlerOf } from '../cli/open-acts.js'
import { approve, control } from '../cli/run-plan.js'
import { exitCodes, InfraError, InfraErrors } from '../model/error.js'
import type { Session } from '../session/session.js'

export default class Recover extends ChangeCommand {
  static override summary = 'Settle an apply that was cut off.'
  static override description =
    'Finds out what was done of it, and completes it (--forward) or puts everything back (--back). ' +
    'What was in flight is found by the identity chosen for it, and adopted or removed, never made twice. ' +
    'An act that was cut off is settled, too: on machines (`vm start`, `stop`, `restart`, `reset`, `resize`, `rescue`, `migrate`, ' +
    '`upgrade`, `snapshot`, `backup`), with images (`image import`, `pull`, `prune`), and on a virtual cluster (extend, backup, restore).'
  static override examples = ['<%= config.bin %> recover --forward', '<%= config.bin %> recover --back --yes']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    ...changeFlags,
    forward: Flags.boolean({ description: 'Complete it.', exclusive: ['back'] }),
    back: Flags.boolean({ description: 'Undo it.', exclusive: ['forward'] }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Recover)
    const began = this.ports.clock.now()
    const session = await this.openLocked(flags, args.path)
    try {
      const open = await session.openJournal()
      if (!open) {
        this.print({
          json: () => ({ open: false }),
          text: () => 'There is nothing to recover: no apply was cut off.\n',
        })
        return
      }
      const acts = openActs(open.records)
      const direction = await this.#direction(flags, acts.length > 0 ? actsInWords(acts) : 'an apply')
      if (acts.length > 0) {
        await this.#settle(session, acts, direction, flags)
        return
      }
      const terminal = this.terminalFor(session, flags)
      // What completing it destroys was approved when it began.
      const allow = [...(flags.allow ?? []), ...(direction === 'forward' ? leaveGiven(open.records) : [])]
      await this.runAndTell(
        flags,
        began,
        async () => {
          const outcome = await session.recover(direction, control(flags, terminal), async plan => {
            terminal.show({ plan, problems: [] })
            return approve(plan, 'Settle it like this?', { ...flags, allow }, terminal)
          })
          if (outcome) return outcome
          throw new InfraError({
            kind: 'storage',
            code: 'no-state',
            message: 'there is a journal, and no state that it belongs to',
          })
        },
        direction === 'back' ? 'rolled-back' : 'applied',
      )
    } finally {
      await session.close()
    }
  }

  /** Settles acts that are no apply; their journal goes once all of them are. */
  async #settle(
    session: Session,
    acts: readonly ActRecord[],
    direction: 'forward' | 'back',
    flags: { readonly yes?: boolean | undefined; readonly json: boolean },
  ): Promise<void> {
    const signal = this.stopping.signal
    const settler = await settlerOf(acts)
    const ways = await settler.waysOf(acts, direction)
    if (!flags.json) process.stdout.write(ways.map(way => `${way}\n`).join(''))
    const leave = { yes: flags.yes === true, interactive: this.interactive, signal }
    if (!(await confirm('Settle it like this?', leave))) {
      this.exitCode = 1
      return
    }
    const tell = (address: string, message: string) => {
      if (!flags.json) process.stderr.write(`${address}: ${message}\n`)
    }
    const { settled, errors } = await session.settleActs(ended =>
      settler.settleActs(acts, { session, direction, ports: this.ports, signal, tell, ended }),
    )
    this.print({
      json: () => ({
        open: true,
        direction,
        settled,
        ...(errors.length > 0 && { errors: errors.map(one => one.details()) }),
      }),
      text: () => settled.map(one => `${one.text}\n`).join(''),
    })
    const [first] = errors
    if (first === undefined) return
    // as JSON they are told above
    if (!flags.json) throw new InfraErrors(errors)
    this.exitCode = exitCodes[first.kind]
  }

  /** `what` was cut off. */
  async #direction(
    flags: { forward: boolean; back: boolean; yes?: boolean },
    what: string,
  ): Promise<'forward' | 'back'> {
    if (flags.forward) return 'forward'
    if (flags.back) return 'back'
    if (this.interactive) {
      for (;;) {
        const answer = await ask(
          `Cut off: ${what}. [f]orward to complete it, [b]ack to undo it? `,
          this.abort.signal,
        )
        if (answer === undefined) break
        if (answer.startsWith('f')) return 'forward'
        if (answer.startsWith('b')) return 'back'
      }
    }
    throw new InfraError({
      kind: 'configuration',
      code: 'no-direction',
      message: `${what} was cut off, and it was not said which way to settle it`,
      hint: 'Say --forward to complete it, or --back to undo it.',
    })
  }
}

/** The hazards of the plan that was cut off, each with its resource, as `--allow` writes them. */
function leaveGiven(records: readonly JournalRecord[]): string[] {
  const approved = records.find(record => record.type === 'plan')
  if (approved?.type !== 'plan') return []
  return approved.plan.steps.flatMap(step => step.hazards.map(hazard => `${hazard}=${step.address}`))
}
