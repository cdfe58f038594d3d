/** Leave for hazards: what destroys is never done as a side effect. */
import { InfraError } from '../model/error.js'
import type { Plan, Step } from '../planner/plan.js'
import { type Hazard, hazardNames } from '../providers/kind.js'

/** Hazards that need leave. `irreversible` is never implied by anything. */
const needsLeave: ReadonlySet<Hazard> = new Set(['deletes-data', 'shrinks-data', 'irreversible'])

/** Steps whose hazards have no leave yet, each with those hazards. */
export function withoutLeave(
  plan: Plan,
  allowed: readonly string[],
): { readonly step: Step; readonly hazards: readonly Hazard[] }[] {
  const granted = new Set(allowed)
  // Who asks for a destroy, or to go back, asks for data to go; what cannot come back still needs a word of its own.
  if (plan.mode === 'destroy' || plan.mode === 'rollback') granted.add('deletes-data')
  return plan.steps.flatMap(step => {
    const hazards = step.hazards.filter(
      hazard => needsLeave.has(hazard) && !granted.has(hazard) && !granted.has(`${hazard}=${step.address}`),
    )
    return hazards.length > 0 ? [{ step, hazards }] : []
  })
}

/**
 * Fails with `unknown-hazard` for leave that is for nothing: a misspelt one would be missed only when it is needed.
 */
export function requireHazards(allowed: readonly string[]): void {
  const wrong = allowed.find(one => !isLeave(one))
  if (wrong === undefined) return
  throw new InfraError({
    kind: 'configuration',
    code: 'unknown-hazard',
    message: `there is no hazard ${JSON.stringify(wrong)} to give leave for`,
    hint: `Hazards that need leave are ${[...needsLeave, 'incomplete'].join(', ')}; for one resource HAZARD=ADDRESS.`,
  })
}

function isLeave(text: string): boolean {
  const [hazard = '', address] = text.split('=', 2)
  if (hazard === 'incomplete') return address === undefined
  return (hazardNames as readonly string[]).includes(hazard) && address !== ''
}

/** Fails with `leave-needed` where a step's hazard has no leave. */
export function requireLeave(plan: Plan, allowed: readonly string[]): void {
  const [first, ...more] = withoutLeave(plan, allowed)
  if (plan.incomplete && !allowed.includes('incomplete')) throw incompletePlan(plan)
  if (!first) return
  const hazard = first.hazards[0]
  throw new InfraError({
    kind: 'validation',
    code: 'leave-needed',
    address: first.step.address,
    message: `it ${text[hazard ?? ''] ?? 'is hazardous'}, and nobody gave leave for that${more.length > 0 ? ` (and ${more.length} more)` : ''}`,
    why: first.step.undo.text,
    hint: `Give it with --allow ${hazard}, or for this one with --allow ${hazard}=${first.step.address}.`,
  })
}

/** The error of a plan that is incomplete. */
export function incompletePlan(plan: Plan): InfraError {
  const [unreadable] = plan.unreadable
  return new InfraError({
    kind: 'connection',
    code: 'plan-incomplete',
    message: `${plan.unreadable.length === 1 ? 'a resource' : `${plan.unreadable.length} resources`} could not be read, so the plan is incomplete`,
    ...(unreadable && { why: `${unreadable.address}: ${unreadable.why}` }),
    hint: 'Make the system answer and plan again, or apply the rest with --allow incomplete.',
  })
}

const text: Readonly<Record<string, string>> = {
  'deletes-data': 'deletes data',
  'shrinks-data': 'shrinks what holds data',
  irreversible: 'cannot be undone',
}
