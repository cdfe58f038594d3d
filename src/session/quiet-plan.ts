/**
 * A plan with nothing to do, kept between runs. The planner is pure: where the stack, the state, what was observed, and what
 * was asked for are the same to the byte, so is the plan. What is kept is looked up by all of these, and saves time only.
 */
import { createHash } from 'node:crypto'
import type { Address } from '../model/address.js'
import { canonicalJson, type Json } from '../model/value.js'
import type { PlanOptions, PlanResult } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import type { Observation } from '../providers/provider.js'
import { digestOf, openCacheFolder } from '../stack/cache-folder.js'
import { stateDigest } from '../state/codec.js'
import type { StateDocument } from '../state/document.js'

/** Changes with the planner and the form of an entry. */
const format = 2
/** Fewer resources are planned sooner than an entry is looked up. */
const leastResources = 1000
/** A larger entry is not read. */
const mostBytes = 32 * 1024 * 1024
/** Characters gathered before they are hashed. */
const pieceLength = 1 << 18

export interface QuietPlanInput {
  /** Where entries are; undefined where nothing is kept. */
  readonly folder: string | undefined
  /** The digest of a stack that may be kept: no secret is in it, and none of its values waits for an observation. */
  readonly stack: string | undefined
  readonly state: StateDocument | undefined
  readonly observed: ReadonlyMap<Address, Observation>
  readonly connections: Plan['connections']
  readonly options: PlanOptions
}

interface Entry {
  readonly of: string
  readonly plan: Plan
}

/** The plan of these inputs: the one that was kept, or what `make` makes of them, which is kept if nothing is to be done. */
export async function quietPlanOr(input: QuietPlanInput, make: () => PlanResult): Promise<PlanResult> {
  const { folder, stack, state, observed } = input
  const digest = state && stateDigest(state)
  if (!folder || !stack || !digest || observed.size < leastResources || !isWhole(input.options)) return make()
  const cache = openCacheFolder(folder)
  const key = digestOf(`infra-plan ${stack}`)
  const of = `${format} ${digest} ${digestOf(canonicalJson(input.connections as Json))} ${digestObserved(observed)}`
  const payload = await cache.get(key, mostBytes)
  const known = payload === undefined ? undefined : planOf(payload, of)
  if (known) return { plan: known, problems: [], observed }
  const result = make()
  if (isQuiet(result)) await cache.put(key, JSON.stringify({ of, plan: result.plan } satisfies Entry))
  return result
}

/** A plan of the whole stack, as `infra plan` makes it unless told otherwise. */
function isWhole({ mode, ...others }: PlanOptions): boolean {
  const asked = Object.values(others).filter(one => one !== undefined && one !== false)
  return mode === 'apply' && asked.every(one => Array.isArray(one) && one.length === 0)
}

/** Nothing to do and nothing to tell: such a plan holds no value of any resource. */
function isQuiet({ plan, problems }: Pick<PlanResult, 'plan' | 'problems'>): boolean {
  const lists = [problems, plan.steps, plan.drift, plan.unreadable, plan.remarks, plan.pending]
  return lists.every(list => list.length === 0)
}

/** sha256 over all that a plan without steps is made from; facts are for references to them, and such a stack is not kept. */
function digestObserved(observed: ReadonlyMap<Address, Observation>): string {
  const hash = createHash('sha256')
  let text = ''
  for (const [address, observation] of observed) {
    text += JSON.stringify([address, ...toldOf(observation)])
    if (text.length < pieceLength) continue
    hash.update(text)
    text = ''
  }
  return hash.update(text).digest('hex')
}

function toldOf(observation: Observation): readonly unknown[] {
  if (observation.status !== 'present') return Object.values(observation)
  const { status, identity, owner, spec, pending, remark, incomplete } = observation
  return [status, identity, owner, spec, pending, remark, incomplete]
}

/** Undefined for what is no such entry, or one of other inputs. */
function planOf(payload: string, of: string): Plan | undefined {
  try {
    const entry = JSON.parse(payload) as Partial<Entry>
    return entry.of === of && entry.plan && isQuiet({ plan: entry.plan, problems: [] })
      ? entry.plan
      : undefined
  } catch {
    // what cannot be read is planned again
    return undefined
  }
}
