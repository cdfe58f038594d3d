/** Reviewed is applied: a plan that is not the one that was reviewed is refused. */
import { InfraError } from '../model/error.js'
import type { Plan } from '../planner/plan.js'

/** As much of a digest as must be given to name a plan. */
const leastDigest = 12

/**
 * Fails with `plan-differs` where the plan's digest does not begin with the reviewed one. `differences` tells, in lines, what
 * is different, where the reviewed plan itself is at hand.
 */
export function requireDigest(plan: Plan, reviewed: string | undefined, differences?: () => string): void {
  if (reviewed === undefined || (reviewed.length >= leastDigest && plan.digest.startsWith(reviewed))) return
  throw new InfraError({
    kind: 'validation',
    code: 'plan-differs',
    message:
      'the plan made now is not the one that was reviewed: the stack, the state or the real systems have moved',
    why: differences?.() ?? `the digest is ${plan.digest} now`,
    hint: 'Plan again, and have that reviewed.',
  })
}
