/** Saved plans: what was reviewed is what is applied. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { InfraError } from '../model/error.js'
import { plainCause } from '../model/file-error.js'
import type { FileSystem } from '../model/ports.js'
import { isObject, type Json } from '../model/value.js'
import { maskPlan } from '../planner/mask.js'
import { type Plan, type PlanMode, planFormat } from '../planner/plan.js'
import { planFault } from '../planner/plan-shape.js'
import { diffPlans, renderPlanDiff } from '../report/plan-diff.js'
import { requireDigest } from '../session/reviewed.js'
import { keptPlan } from './kept-plans.js'
import { writeOutput } from './output-file.js'

/** How a plan was asked for: to make the same one again. Not part of its digest. */
export interface PlanRequestSaved {
  /** Absolute path of the stack. */
  readonly path: string
  readonly targets: readonly string[]
  readonly replace: readonly string[]
  readonly restart: boolean
}

export interface SavedPlan {
  readonly plan: Plan
  readonly request?: PlanRequestSaved
}

/** Writes a plan with its secrets masked, mode 0600, whole or not at all. Fails with `cannot-write`. */
export async function savePlan(
  files: FileSystem,
  file: string,
  plan: Plan,
  request: PlanRequestSaved,
  secrets: readonly string[],
): Promise<void> {
  const saved = { ...maskPlan(plan, { secrets }), request: { ...request, path: resolve(request.path) } }
  await writeOutput(files, file, `${JSON.stringify(saved, undefined, 2)}\n`, 0o600)
}

/** Reads a saved plan. Fails with `not-a-plan` for anything else, and for formats of other versions. */
export async function readPlanFile(file: string): Promise<SavedPlan> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw notAPlan(file, plainCause(cause))
  })
  const value = parse(text, file)
  if (!isObject(value) || value.format !== planFormat) {
    const format =
      isObject(value) && typeof value.format === 'string'
        ? `its format is ${value.format.slice(0, 60)}`
        : 'it has no format'
    throw notAPlan(file, format)
  }
  const fault = planFault(value)
  if (fault !== undefined) throw notAPlan(file, fault)
  const { request, ...plan } = value
  return { plan: plan as unknown as Plan, ...(isRequest(request) && { request }) }
}

/**
 * Fails with `plan-differs` where the plan made now is not the reviewed one, and tells what differs: from the saved plan, or from
 * the one of that digest that was made on this machine.
 */
export async function requireReviewed(
  plan: Plan,
  reviewed: { readonly plan?: Plan | undefined; readonly digest?: string | undefined; readonly kept: string },
  secrets: readonly string[],
): Promise<void> {
  const digest = reviewed.plan?.digest ?? reviewed.digest
  const before = reviewed.plan ?? (digest && (await keptPlan(reviewed.kept, digest)))
  const differences = before
    ? () => renderPlanDiff(diffPlans(before, plan, { secrets }), { colour: false }).trimEnd()
    : undefined
  requireDigest(plan, digest, differences)
}

/** What `infra apply` needs of a saved plan. */
export async function savedPlanFor(
  path: string,
  flag: string | undefined,
): Promise<
  | {
      readonly plan: Plan
      readonly path: string
      readonly mode: PlanMode
      readonly request: PlanRequestSaved
    }
  | undefined
> {
  const file = flag ?? (path.endsWith('.json') ? path : undefined)
  if (file === undefined) return undefined
  const { plan, request } = await readPlanFile(file)
  const stackPath = flag !== undefined && path !== '.' ? path : (request?.path ?? '.')
  const asked = request ?? { path: stackPath, targets: [], replace: [], restart: false }
  return { plan, path: stackPath, mode: plan.mode, request: asked }
}

function isRequest(value: Json | undefined): value is Json & PlanRequestSaved {
  return (
    isObject(value) &&
    typeof value.path === 'string' &&
    Array.isArray(value.targets) &&
    Array.isArray(value.replace) &&
    typeof value.restart === 'boolean'
  )
}

function parse(text: string, file: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    throw notAPlan(file, 'it is not JSON')
  }
}

function notAPlan(file: string, why: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'not-a-plan',
    message: `${file} is not a saved plan`,
    why,
    hint: 'Save one with `infra plan -o FILE`.',
  })
}
