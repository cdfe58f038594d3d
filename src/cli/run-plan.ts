/** What apply, destroy, rollback and recover share: show, ask, apply, tell. */

import type { StepFailure } from '../apply/execute.js'
import { requireLeave, withoutLeave } from '../apply/leave.js'
import type { Outcome } from '../apply/transaction.js'
import { InfraError, InfraErrors } from '../model/error.js'
import type { PlanResult } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import { ask } from './ask.js'

export interface RunFlags {
  readonly yes?: boolean | undefined
  readonly allow?: readonly string[] | undefined
  readonly 'on-failure'?: 'rollback' | 'stop' | 'ask' | undefined
}

export interface Terminal {
  readonly interactive: boolean
  readonly stopping: AbortSignal
  readonly signal: AbortSignal
  /** Shows a plan, with what the policy finds in it. */
  readonly show: (result: Pick<PlanResult, 'plan' | 'problems'>, policy?: PolicyReport) => void
  readonly say: (line: string) => void
}

/**
 * Gets leave for a plan: by flags, or by a question at a terminal. Returns false for a no. Without a terminal and without
 * `--yes` it fails.
 */
export async function approve(
  plan: Plan,
  question: string,
  flags: RunFlags,
  terminal: Terminal,
): Promise<boolean> {
  const allowed = flags.allow ?? []
  const quiet = plan.steps.every(step => step.action === 'no-op')
  if (flags.yes || quiet) {
    requireLeave(plan, allowed)
    return true
  }
  if (!terminal.interactive) {
    throw new InfraError({
      kind: 'configuration',
      code: 'nobody-to-ask',
      message: 'there is no terminal to ask at',
      hint: 'Say --yes to go ahead without being asked.',
    })
  }
  // At a terminal the question itself gives leave for what the plan shows, but not for what cannot be undone.
  const asked = withoutLeave(plan, allowed).flatMap(one => one.hazards)
  requireLeave(plan, [...allowed, 'deletes-data', 'shrinks-data'])
  const data =
    asked.includes('deletes-data') || asked.includes('shrinks-data') ? ' Data is destroyed, see above.' : ''
  const answer = await ask(`${question}${data} Only 'yes' goes ahead: `, terminal.signal)
  return answer === 'yes'
}

/** Applies with the failure policy of the flags; a terminal is asked unless told otherwise. */
export function control(flags: RunFlags, terminal: Terminal) {
  const policy = flags['on-failure'] ?? (terminal.interactive ? 'ask' : 'rollback')
  return {
    stopping: terminal.stopping,
    signal: terminal.signal,
    async onFailure(failures: readonly StepFailure[]): Promise<'retry' | 'rollback' | 'stop'> {
      if (policy !== 'ask') return policy
      for (;;) {
        const what = failures.length > 0 ? 'A step failed.' : 'Stopped.'
        const answer = await ask(`${what} [r]etry, roll [b]ack or [k]eep what was done? `, terminal.signal)
        const choice = failureChoice(answer)
        if (choice !== undefined) return choice
      }
    },
  }
}

/** What an answer says to do after a failure; undefined for one that says nothing. Who gives none keeps what was done. */
export function failureChoice(answer: string | undefined): 'retry' | 'rollback' | 'stop' | undefined {
  if (answer === undefined || answer === 'k' || answer === 'keep') return 'stop'
  if (answer === 'r' || answer === 'retry') return 'retry'
  return ['b', 'back', 'rollback', 'roll back'].includes(answer) ? 'rollback' : undefined
}

/** The errors of an outcome that is not what was asked for; none where it is. */
export function outcomeErrors(outcome: Outcome, wanted: Outcome['result']): InfraErrors | undefined {
  if (outcome.result === wanted) return undefined
  const errors = outcome.failures.map(failure => failure.error)
  const told = {
    applied: ['applied', 'everything was done, and nothing put back', '`infra rollback` undoes it.'],
    'rolled-back': [
      'rolled-back',
      'nothing was changed: everything this apply did was put back',
      'Mend the cause and apply again.',
    ],
    stopped: [
      'stopped',
      'the apply stopped half-way; what was done is recorded',
      'Apply again to do the rest, or `infra rollback`.',
    ],
    open: [
      'open',
      'the apply is neither done nor undone; its journal stays',
      '`infra recover --forward` or `infra recover --back` goes on.',
    ],
  } as const
  const [code, message, hint] = told[outcome.result]
  const left = outcome.left.map(one => `${one.address}: ${one.text}`).join('; ')
  const closing = new InfraError({ kind: 'operation', code, message, hint, ...(left && { why: left }) })
  return new InfraErrors([...errors, closing])
}
