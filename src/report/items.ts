/** What a plan does to one resource: its step, or both halves of its replacement, as one item of a review. */
import type { Attributes } from '../model/value.js'
import type { Action, Change, Plan, Step, Undo } from '../planner/plan.js'
import { dataSizes } from '../planner/sizes.js'
import type { Hazard } from '../providers/kind.js'
import { gibibytes, plural } from './text.js'

export interface ReviewItem {
  readonly address: string
  readonly kind: string
  readonly name: string
  readonly connection: string
  readonly action: Action
  readonly steps: readonly Step[]
  /** Paths that make it a replacement. */
  readonly causes: readonly string[]
  readonly cause?: string
  readonly changes: readonly Change[]
  readonly hazards: readonly Hazard[]
  readonly undo: Undo
  readonly restart: boolean
  /** What it destroys, in words: `80 GiB in bootDisk, dataDisks[vdb]`. */
  readonly data?: string
  /** Declared space that it destroys, in GiB. */
  readonly gib: number
  readonly dependencies: readonly string[]
  /** The attributes as they shall be; of a delete, as they were. */
  readonly spec: Attributes
}

/** One item a resource, in the order of the plan. */
export function itemsOf(plan: Plan): ReviewItem[] {
  const steps = new Map<string, Step[]>()
  for (const step of plan.steps) {
    const same = steps.get(step.address)
    if (same) same.push(step)
    else steps.set(step.address, [step])
  }
  return [...steps.values()].flatMap(own => {
    const first = own[0]
    return first ? [itemOf(first, own)] : []
  })
}

function itemOf(first: Step, steps: readonly Step[]): ReviewItem {
  const unmaking = steps.find(step => step.action === 'delete' || step.phase === 'delete')
  const making = steps.find(step => step.desired !== undefined)
  const changes = (steps.find(step => step.changes.length > 0) ?? first).changes
  const hazards = [...new Set(steps.flatMap(step => step.hazards))].sort()
  const cause = steps.find(step => step.cause !== undefined)?.cause
  const spec = making?.desired?.spec ?? first.before?.spec ?? {}
  const lost = unmaking && hazards.includes('deletes-data') ? dataSizes(unmaking.before?.spec ?? {}) : []
  const gib = lost.reduce((sum, size) => sum + size.gib, 0)
  return {
    address: first.address,
    kind: first.kind,
    name: first.name,
    connection: first.connection,
    action: first.action,
    steps,
    causes:
      first.action === 'replace'
        ? changes.filter(change => change.how === 'replace').map(change => change.path)
        : [],
    ...(cause !== undefined && { cause }),
    changes,
    hazards,
    undo: (unmaking ?? first).undo,
    restart: steps.some(step => step.restart),
    ...(unmaking &&
      hazards.includes('deletes-data') && {
        data: lostText(
          lost.map(size => size.path),
          gib,
        ),
      }),
    gib,
    dependencies: making?.desired?.dependencies ?? [],
    spec,
  }
}

function lostText(paths: readonly string[], gib: number): string {
  if (paths.length === 0) return 'its data'
  const places = paths.filter(path => path.includes('.')).map(path => path.replace(/\.[^.]*$/, ''))
  return places.length === 0 ? `${gibibytes(gib)} of data` : `${gibibytes(gib)} in ${places.join(', ')}`
}

/** `data of 3 resources is destroyed, 80 GiB as declared`; undefined where none is. */
export function dataAtStake(items: readonly ReviewItem[]): string | undefined {
  const losing = items.filter(item => item.data !== undefined)
  if (losing.length === 0) return undefined
  const gib = losing.reduce((sum, item) => sum + item.gib, 0)
  const size = gib > 0 ? `, ${gibibytes(gib)} as declared` : ''
  return `data of ${plural(losing.length, 'resource')} is destroyed${size}`
}
