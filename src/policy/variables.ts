/** What the expressions of a policy can look at: the plan's document, secrets masked, and a few values that are often asked for. */
import { type CelInput, isCelError, run } from '@bufbuild/cel'
import { isUnresolved, type Json } from '../model/value.js'
import type { Plan, Step } from '../planner/plan.js'

/** A line for the docs on each variable. The last two are there in rules with `each: step` only. */
export const variables: Readonly<Record<string, string>> = {
  plan: 'The plan’s document, as `infra plan --json` prints it.',
  mode: '`apply`, `destroy`, `accept` or `rollback`.',
  stack: 'The stack’s name.',
  steps: 'The steps of the plan, each as `step` below.',
  counts:
    'How many are created, updated, replaced, deleted, adopted, forgotten and unchanged: `counts.delete`.',
  capacity:
    'What hosts and pools hold: `place`, `resource`, `unit`, `before`, `after`, and `limit` where it is known.',
  drift: 'What changed outside of infra: `address`, `kind`, `status`, `changes`.',
  unreadable: 'What could not be read: `address`, `why`.',
  now: 'The time of the evaluation: `now.getHours("Europe/Berlin")`, `now.getDayOfWeek()` (0 is Sunday).',
  step: 'One step, as in the plan’s document, with `destroys` (true for a delete and for the first half of a replacement).',
  resource:
    'The step’s resource: `address`, `kind`, `name`, `connection`, `labels`, `annotations`, `spec`. As it shall be; of a delete, as it was recorded.',
}

type Bindings = Readonly<Record<string, CelInput>>

export interface Variables {
  readonly plan: Bindings
  /** The variables of a rule for one step. */
  ofStep(step: Step): Bindings
}

/** The plan must be masked. `now` is in milliseconds since 1970. */
export function variablesOf(plan: Plan, now: number): Variables {
  const steps = new Map(plan.steps.map(step => [step.id, stepOf(step)]))
  const { steps: _, ...rest } = plan
  const document: { [key: string]: CelInput } = {
    ...fieldsOf(rest as unknown as { [key: string]: Json }),
    steps: [...steps.values()],
  }
  const shared: Bindings = {
    plan: document,
    mode: plan.mode,
    stack: plan.stack,
    steps: [...steps.values()],
    counts: document.counts ?? {},
    capacity: document.capacity ?? [],
    drift: document.drift ?? [],
    unreadable: document.unreadable ?? [],
    now: timestamp(now),
  }
  return {
    plan: shared,
    ofStep(step) {
      const own = steps.get(step.id) ?? stepOf(step)
      return { ...shared, step: own, resource: (own as { resource: CelInput }).resource }
    },
  }
}

function stepOf(step: Step): { [key: string]: CelInput } {
  const { desired, before } = step
  const resource = {
    address: step.address,
    kind: step.kind,
    name: step.name,
    connection: step.connection,
    labels: desired?.labels ?? {},
    annotations: desired?.annotations ?? {},
    spec: desired?.spec ?? before?.spec ?? {},
  }
  const destroys = step.action === 'delete' || step.phase === 'delete'
  return {
    ...fieldsOf(step as unknown as { [key: string]: Json }),
    destroys,
    resource: celOf(resource),
  }
}

/**
 * JSON as CEL has it: whole numbers are `int`, so that `counts.delete + 1 <= 3` has an overload. A value that is known only
 * later is left out: `has()` and `in` are false for it.
 */
function celOf(value: Json): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return (value as readonly Json[]).map(celOf)
  return fieldsOf(value as { readonly [key: string]: Json })
}

function fieldsOf(value: { readonly [key: string]: Json }): { [key: string]: CelInput } {
  const fields: [string, CelInput][] = []
  for (const key of Object.keys(value)) {
    const field = value[key]
    if (field !== undefined && !isUnresolved(field)) fields.push([key, celOf(field)])
  }
  return Object.fromEntries(fields)
}

function timestamp(milliseconds: number): CelInput {
  const value = run(`timestamp("${new Date(milliseconds).toISOString()}")`)
  if (isCelError(value)) throw value
  return value as CelInput
}
