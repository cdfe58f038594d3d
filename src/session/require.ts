/** What must hold before a plan may be made or applied; commands and the library ask the same. */
import { actsInWords, openActs } from '../apply/act-journal.js'
import { incompletePlan } from '../apply/leave.js'
import { InfraError, InfraErrors } from '../model/error.js'
import type { PlanResult } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import type { Session } from './session.js'

/**
 * Fails with `journal-open` where an apply was cut off: it is to be settled first; with `lock-held` or `apply-ended` where one runs, or
 * did so a moment ago.
 */
export async function requireSettled(session: Session): Promise<void> {
  const open = await session.openJournal()
  const first = open?.records[0]
  if (first?.type !== 'open') return
  const since = new Date(first.at).toISOString()
  const running = await session.runningApply()
  if (running) throw running
  const now = (await session.openJournal())?.records[0]
  // One that has ended since was running when the state was read
  if (now?.type !== 'open' || now.id !== first.id)
    throw new InfraError({
      kind: 'storage',
      code: 'apply-ended',
      message: 'an apply ended while the stack was read',
      hint: 'Try again.',
    })
  const acts = openActs(open?.records ?? [])
  throw new InfraError({
    kind: 'operation',
    code: 'journal-open',
    message: `${acts.length > 0 ? 'an act' : 'an apply'} of ${since} was cut off and is not settled`,
    why: acts.length > 0 ? `${first.command} (open: ${actsInWords(acts)})` : first.command,
    hint: '`infra recover --forward` completes it, `infra recover --back` undoes it.',
  })
}

/** Fails with all problems of a plan that must not be applied. */
export function requireSound(result: PlanResult): void {
  if (result.problems.length > 0) throw new InfraErrors(result.problems)
}

/** Fails with `plan-incomplete` where something could not be read: what is shown may not be all. */
export function requireComplete(plan: Plan, allowed: readonly string[]): void {
  if (plan.incomplete && !allowed.includes('incomplete')) throw incompletePlan(plan)
}

/** Fails with `policy-denied` where a rule beside the stack forbids the plan. */
export function requirePolicy(report: PolicyReport | undefined): void {
  const denied = report?.findings.filter(finding => finding.level === 'deny') ?? []
  if (denied.length === 0) return
  throw new InfraErrors(
    denied.map(
      ({ rule, reason, address, place }) =>
        new InfraError({
          kind: 'validation',
          code: 'policy-denied',
          message: `the policy forbids this plan: ${rule}`,
          why: reason,
          hint: 'Change the stack, or the rule in infra-policy.yaml.',
          ...(address !== undefined && { address }),
          ...(place && { place }),
        }),
    ),
  )
}
