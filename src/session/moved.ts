/** What was reviewed is what is applied: a plan is refused when what it observed has moved. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { observationDigest } from '../planner/digest.js'
import type { Plan } from '../planner/plan.js'
import type { Observation } from '../providers/provider.js'

/** Fails with `stale-plan`, naming what moved, where an observation is not the one that the plan was made from. */
export function movedSince(plan: Plan, observed: ReadonlyMap<Address, Observation>): void {
  const moved = Object.entries(plan.observed).filter(([address, digest]) => {
    const now = observed.get(address)
    return now === undefined || observationDigest(now) !== digest
  })
  if (moved.length === 0) return
  const names = moved.slice(0, 10).map(([address]) => address)
  const more = moved.length > names.length ? ` and ${moved.length - names.length} more` : ''
  throw new InfraError({
    kind: 'validation',
    code: 'stale-plan',
    message: `${moved.length === 1 ? 'a resource has' : `${moved.length} resources have`} moved since the plan was made`,
    why: names.join(', ') + more,
    hint: 'Plan again, and review what is different.',
  })
}
