/** The state that a plan was made from. */
import { InfraError } from '../model/error.js'
import type { Random } from '../model/ports.js'
import type { Plan } from '../planner/plan.js'
import type { StateDocument } from '../state/document.js'
import type { Store } from '../state/store.js'

/** Fails with `stale-plan` where the state is not the one that the plan was made from. */
export function requireBase(plan: Plan, state: StateDocument | undefined): void {
  const { lineage, serial } = plan.base
  if (state ? state.lineage === lineage && state.serial === serial : serial === 0) return
  throw new InfraError({
    kind: 'validation',
    code: 'stale-plan',
    message: 'the state has moved since the plan was made',
    why: state
      ? `the plan was made from serial ${serial}, the state is at ${state.serial}`
      : 'there is no state any more',
    hint: 'Plan again, and apply that.',
  })
}

/** Makes and writes the first state of a stack. */
export async function firstState(stack: string, store: Store, random: Random): Promise<StateDocument> {
  const made: StateDocument = {
    format: 1,
    lineage: random.uuid(),
    serial: 1,
    stack,
    resources: {},
    outputs: {},
  }
  await store.write(made)
  return made
}
