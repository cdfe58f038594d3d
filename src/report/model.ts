/** The review of a plan: what every renderer shows, in the order of a reviewer's worry, with every secret masked. */

import { type MaskOptions, maskPlan, maskRendered, type RenderedChanges } from '../planner/mask.js'
import type { Capacity, Change, Drift, Plan, PlanCounts, Unreadable } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import type { Hazard } from '../providers/kind.js'
import { dataAtStake, itemsOf, type ReviewItem } from './items.js'
import { plural } from './text.js'

export interface ReviewInput extends MaskOptions {
  readonly policy?: PolicyReport
  /** What becomes of rendered objects, where that was asked for. */
  readonly rendered?: readonly RenderedChanges[]
  /** Problems that forbid applying the plan. */
  readonly problems?: readonly {
    readonly message: string
    readonly address?: string
    readonly hint?: string
  }[]
}

/** A resource that the plan makes stop, now or later. */
export interface Restart {
  readonly address: string
  readonly when: 'now' | 'next-restart'
  /** `is stopped and started again`, `is down until its replacement runs`. */
  readonly text: string
  readonly paths: readonly string[]
}

export interface CapacityLine extends Capacity {
  readonly fits: boolean
}

/** Drift of something that the plan touches or builds on; any other is only counted. */
export interface DriftItem extends Drift {
  readonly affects: boolean
  /** What the plan does about it. */
  readonly outcome: string
}

export interface Review {
  /** Masked. */
  readonly plan: Plan
  readonly verdict: Verdict
  readonly counts: PlanCounts
  /** Names of connections that are no real system. */
  readonly embedded: readonly string[]
  readonly destroys: readonly ReviewItem[]
  readonly replaces: readonly ReviewItem[]
  readonly updates: readonly ReviewItem[]
  readonly creates: readonly ReviewItem[]
  /** Adopted, forgotten, and recorded anew. */
  readonly records: readonly ReviewItem[]
  readonly hazards: readonly { readonly hazard: Hazard; readonly count: number }[]
  readonly restarts: readonly Restart[]
  readonly capacity: readonly CapacityLine[]
  readonly drift: readonly DriftItem[]
  readonly policy?: ReviewInput['policy']
  readonly problems: NonNullable<ReviewInput['problems']>
  readonly unreadable: readonly Unreadable[]
  readonly rendered: readonly RenderedChanges[]
}

export interface Verdict {
  /** `blocked`: it must not be applied. `danger`: it destroys. `caution`: it interrupts, or is incomplete. */
  readonly level: 'nothing' | 'safe' | 'caution' | 'danger' | 'blocked'
  /** One sentence with the counts. */
  readonly text: string
  /** What is lost for good or for a while, a sentence each. */
  readonly warnings: readonly string[]
}

/** The review of a plan, masked. */
export function reviewOf(clear: Plan, input: ReviewInput = {}): Review {
  const plan = maskPlan(clear, input)
  const items = itemsOf(plan)
  const of = (...actions: string[]) => items.filter(item => actions.includes(item.action))
  const problems = input.problems ?? []
  const draft = {
    plan,
    counts: plan.counts,
    embedded: Object.entries(plan.connections).flatMap(([name, { type }]) =>
      type === 'embedded' ? [name] : [],
    ),
    destroys: byWorry(of('delete')),
    replaces: byWorry(of('replace')),
    updates: byWorry(of('update')),
    creates: of('create'),
    records: of('adopt', 'forget', 'no-op'),
    hazards: hazardCounts(items),
    restarts: restartsOf(items, plan),
    capacity: (plan.capacity ?? []).map(line => ({
      ...line,
      fits: line.limit === undefined || line.after <= line.limit || line.after <= line.before,
    })),
    drift: driftOf(plan, items),
    ...(input.policy && { policy: input.policy }),
    problems,
    unreadable: plan.unreadable,
    rendered: maskRendered(input.rendered ?? [], clear, input),
  }
  return { ...draft, verdict: verdictOf(draft) }
}

function byWorry(items: readonly ReviewItem[]): ReviewItem[] {
  const rank = (item: ReviewItem) =>
    item.hazards.includes('irreversible')
      ? 0
      : item.hazards.includes('deletes-data')
        ? 1
        : item.hazards.length > 0
          ? 2
          : 3
  return [...items].sort((a, b) => rank(a) - rank(b))
}

function hazardCounts(items: readonly ReviewItem[]): Review['hazards'] {
  const counts = new Map<Hazard, number>()
  for (const item of items)
    for (const hazard of item.hazards) counts.set(hazard, (counts.get(hazard) ?? 0) + 1)
  return [...counts]
    .map(([hazard, count]) => ({ hazard, count }))
    .sort((a, b) => (a.hazard < b.hazard ? -1 : 1))
}

const runsGuest = (kind: string): boolean => /Machine$|Cluster$/.test(kind)

function restartsOf(items: readonly ReviewItem[], plan: Plan): Restart[] {
  const restarts: Restart[] = []
  const told = new Set<string>()
  const tell = (restart: Restart) => {
    if (told.has(`${restart.address} ${restart.when}`)) return
    told.add(`${restart.address} ${restart.when}`)
    restarts.push(restart)
  }
  for (const item of items) {
    const { address, action, hazards } = item
    const waiting = pathsOf(item.changes, 'restart')
    if (action === 'replace' && runsGuest(item.kind))
      tell({ address, when: 'now', text: 'is down until its replacement runs', paths: item.causes })
    else if (hazards.includes('restarts-vm') || item.restart)
      tell({ address, when: 'now', text: 'is stopped and started again', paths: waiting })
    else if (hazards.includes('stops-vm') && action !== 'delete')
      tell({ address, when: 'now', text: 'is stopped', paths: waiting })
    else if (hazards.includes('interrupts-service') && action !== 'delete')
      tell({ address, when: 'now', text: 'is interrupted', paths: [] })
    else if (waiting.length > 0)
      tell({ address, when: 'next-restart', text: 'runs on as it is until it is restarted', paths: waiting })
  }
  const gone = new Set(items.flatMap(item => (item.action === 'delete' ? [item.address] : [])))
  for (const { address, paths } of plan.pending)
    if (!gone.has(address))
      tell({ address, when: 'next-restart', text: 'runs on as it is until it is restarted', paths })
  return restarts
}

function pathsOf(changes: readonly Change[], how: Change['how']): string[] {
  return changes.filter(change => change.how === how).map(change => change.path)
}

function driftOf(plan: Plan, items: readonly ReviewItem[]): DriftItem[] {
  const touched = new Map(items.map(item => [item.address, item]))
  const built = new Set(items.flatMap(item => (item.action === 'no-op' ? [] : item.dependencies)))
  const outcome = (address: string): string => {
    const item = touched.get(address)
    if (!item) return built.has(address) ? 'left as it is; this plan builds on it' : 'left as it is'
    switch (item.action) {
      case 'create':
        return 'made again'
      case 'replace':
        return 'replaced'
      case 'update':
        return item.changes.some(change => change.origin !== 'stack')
          ? 'put back'
          : 'left as it is; other fields change'
      case 'adopt':
        return 'taken into the state'
      case 'delete':
        return 'deleted'
      case 'forget':
        return 'taken out of the state'
      case 'no-op':
        return 'left as it is'
    }
  }
  return plan.drift
    .map(drift => ({
      ...drift,
      affects: touched.has(drift.address) || built.has(drift.address),
      outcome: outcome(drift.address),
    }))
    .sort((a, b) => Number(b.affects) - Number(a.affects))
}

const verbs: readonly (readonly [keyof PlanCounts, string])[] = [
  ['delete', 'destroy'],
  ['replace', 'replace'],
  ['update', 'change'],
  ['create', 'create'],
  ['adopt', 'adopt'],
  ['forget', 'forget'],
]

/** `2 to destroy, 1 to replace, 3 to change`; `nothing to do` where it is nothing. */
export function countsText(counts: PlanCounts): string {
  const parts = verbs.flatMap(([action, verb]) =>
    counts[action] > 0 ? [`${counts[action]} to ${verb}`] : [],
  )
  return parts.length === 0 ? 'nothing to do' : parts.join(', ')
}

function verdictOf(review: Omit<Review, 'verdict'>): Verdict {
  const warnings = warningsOf(review)
  const denials = review.policy?.findings.filter(finding => finding.level === 'deny').length ?? 0
  const { destroys, replaces, restarts, capacity, plan, problems } = review
  const { unchanged } = review.counts
  const text = `${countsText(review.counts)}${unchanged > 0 || plan.steps.length > 0 ? `, ${unchanged} unchanged` : ''}`
  const level =
    denials > 0 || problems.length > 0
      ? 'blocked'
      : destroys.length + replaces.length > 0 || review.hazards.some(({ hazard }) => destructive.has(hazard))
        ? 'danger'
        : plan.incomplete || restarts.some(one => one.when === 'now') || capacity.some(line => !line.fits)
          ? 'caution'
          : plan.steps.length === 0
            ? 'nothing'
            : 'safe'
  return { level, text, warnings }
}

const destructive: ReadonlySet<Hazard> = new Set(['deletes-data', 'irreversible', 'shrinks-data'])

function warningsOf(review: Omit<Review, 'verdict'>): string[] {
  const warnings: string[] = []
  const denials = review.policy?.findings.filter(finding => finding.level === 'deny').length ?? 0
  if (review.problems.length > 0)
    warnings.push(`${plural(review.problems.length, 'problem')} to solve before it can be applied`)
  if (denials > 0) warnings.push(`policy denies it: ${plural(denials, 'finding')}`)
  if (review.plan.declaresNothing)
    warnings.push('the stack declares nothing at all: everything that is recorded goes')
  const { stateOf } = review.plan
  if (stateOf !== undefined)
    warnings.push(
      `the state is that of the stack ${stateOf}: right if it was renamed, and else the wrong folder`,
    )
  const stake = dataAtStake([...review.destroys, ...review.replaces])
  if (stake !== undefined) warnings.push(stake)
  const final = [...review.destroys, ...review.replaces, ...review.updates].filter(item =>
    item.hazards.includes('irreversible'),
  )
  if (final.length > 0) warnings.push(`${plural(final.length, 'step')} cannot be undone`)
  const now = review.restarts.filter(restart => restart.when === 'now').length
  if (now > 0) warnings.push(`${plural(now, 'resource')} ${now === 1 ? 'goes' : 'go'} down for a while`)
  const tight = review.capacity.filter(line => !line.fits)
  if (tight.length > 0)
    warnings.push(`it does not fit: ${plural(tight.length, 'capacity', 'capacities')} below`)
  if (review.plan.incomplete)
    warnings.push(
      `incomplete: ${plural(review.unreadable.length, 'resource')} could not be read, so more may have to change than is shown`,
    )
  return warnings
}
