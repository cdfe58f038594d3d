/**
 * The last plans that were made on this machine, by their digest: where a reviewed digest no longer fits, they tell what has
 * changed since. Masked, private, and only a help: without one the digests alone are told.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { maskPlan } from '../planner/mask.js'
import type { Plan } from '../planner/plan.js'
import { planFault } from '../planner/plan-shape.js'

const mostPlans = 20
const name = /^\d{15}-([0-9a-f]{64})\.json$/

/** Keeps a plan that does something. `now`: milliseconds since 1970, to forget the oldest first. A cache that cannot be written is no reason to stop. */
export async function keepPlan(
  folder: string,
  plan: Plan,
  secrets: readonly string[],
  now: number,
): Promise<void> {
  if (plan.steps.length === 0) return
  const path = join(folder, `${String(now).padStart(15, '0')}-${plan.digest}.json`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = `${path}.${process.pid}.new`
    await writeFile(draft, JSON.stringify(maskPlan(plan, { secrets })), { mode: 0o600, flag: 'wx' })
    await rename(draft, path)
    const kept = (await readdir(folder)).filter(file => name.test(file)).sort()
    await Promise.all(kept.slice(0, -mostPlans).map(file => rm(join(folder, file), { force: true })))
  } catch {
    // The plan itself is what was asked for.
  }
}

/** The plan whose digest begins like this; undefined where this machine has none, or a broken one. */
export async function keptPlan(folder: string, digest: string): Promise<Plan | undefined> {
  try {
    const file = (await readdir(folder)).findLast(one => name.exec(one)?.[1]?.startsWith(digest))
    if (file === undefined) return undefined
    const plan: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'))
    return planFault(plan) === undefined ? (plan as Plan) : undefined
  } catch {
    // torn, or not to be read: this machine has none
    return undefined
  }
}
