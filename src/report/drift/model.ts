/**
 * What differs between what infra recorded and what is really there: every declared attribute of every managed resource, and
 * what nobody declared. Made from observations by a pure function; every format of `infra drift` is rendered from it.
 */
import type { Json } from '../../model/value.js'
import { currentSpec, type Difference, differences, within } from '../../planner/diff.js'
import { maskValue, wipeText } from '../../planner/mask.js'
import type { Plan } from '../../planner/plan.js'
import type { Kind } from '../../providers/kind.js'
import type { Observation, Unmanaged } from '../../providers/provider.js'
import type { ResourceRecord } from '../../state/document.js'
import { type AppliedIgnores, applyIgnores, type Ignore, type Ignored } from './ignores.js'
import { leavesWithKeys } from './leaves.js'

export const driftFormat = 'infra.drift/v1'

export interface DriftAttribute {
  /** `dataDisks[vdb].sizeGB` */
  readonly path: string
  readonly status: 'in-sync' | 'modified' | 'deleted' | 'unreadable'
  /** As recorded, and as it is there; both only where they differ. */
  readonly from?: Json
  readonly to?: Json
  readonly sensitive?: true
  /** Why it could not be compared. */
  readonly why?: string
  readonly ignored?: Ignored
}

export interface DriftResource {
  readonly address: string
  readonly kind: string
  readonly name: string
  readonly connection: string
  /** `modified` although all that differs is ignored: see the attributes. */
  readonly status: 'in-sync' | 'modified' | 'deleted' | 'unreadable'
  readonly why?: string
  /** What the system below says beside: paused by hand, unhealthy. */
  readonly remark?: string
  /** Paths whose recorded value waits for a restart. */
  readonly pending?: readonly string[]
  readonly attributes: readonly DriftAttribute[]
  /** Of a resource that is gone. */
  readonly ignored?: Ignored
  readonly source: { readonly file: string; readonly line: number }
}

export interface DriftObject {
  readonly kind: string
  readonly name: string
  readonly connection: string
  /** Why it is listed: `in pool vms`. */
  readonly place: string
  readonly ignored?: Ignored
}

export interface DriftCounts {
  readonly resources: number
  readonly inSync: number
  /** Not counting what is ignored. */
  readonly modified: number
  readonly deleted: number
  readonly unreadable: number
  readonly unmanaged: number
  /** Attributes that differ, not counting what is ignored. */
  readonly attributes: number
  /** Attributes, resources and objects whose drift is ignored. */
  readonly ignored: number
}

export interface DriftReport {
  readonly format: typeof driftFormat
  readonly stack: string
  /** When the systems were read, ISO 8601. */
  readonly at: string
  readonly milliseconds: number
  readonly base: { readonly lineage: string; readonly serial: number }
  readonly connections: Plan['connections']
  /** `incomplete` where something could not be read, whatever else was found. */
  readonly outcome: 'none' | 'drift' | 'incomplete'
  readonly counts: DriftCounts
  /** By address. */
  readonly resources: readonly DriftResource[]
  readonly unmanaged: readonly DriftObject[]
  /** Connections whose objects could not be listed, so that what nobody declared there is not known. */
  readonly unlisted: readonly { readonly connection: string; readonly why: string }[]
  /** Ignores that no longer hold, and ignores that nothing needed. */
  readonly ignores: { readonly expired: readonly Ignore[]; readonly unused: readonly Ignore[] }
}

export interface DriftSubject {
  readonly record: ResourceRecord
  readonly observation: Observation
  /** Undefined for a kind that this version does not know. */
  readonly kind: Pick<Kind, 'keyedLists'> | undefined
}

export interface DriftInput {
  readonly stack: string
  readonly base: DriftReport['base']
  readonly connections: Plan['connections']
  /** Milliseconds since 1970. */
  readonly at: number
  readonly milliseconds: number
  readonly subjects: readonly DriftSubject[]
  readonly unmanaged: readonly (Unmanaged & { readonly connection: string })[]
  readonly unlisted?: DriftReport['unlisted']
  readonly ignores: readonly Ignore[]
  /** Secret texts of the stack, taken out wherever a system repeats them. */
  readonly secrets?: readonly string[]
}

/**
 * The report of what was read: every resource’s attributes in sync, modified, deleted or unreadable, with ignores applied and
 * secrets masked.
 */
export function driftReport(input: DriftInput): DriftReport {
  const ignores = applyIgnores(input.ignores, input.at)
  const resources = input.subjects
    .map(subject => resourceOf(subject, ignores, input.secrets ?? []))
    .sort((a, b) => (a.address < b.address ? -1 : 1))
  const unmanaged = input.unmanaged
    .map(({ kind, name, connection, place }) => {
      const ignored = ignores.of(`${kind}/${name}`)
      return { kind, name, connection, place, ...(ignored && { ignored }) }
    })
    .sort((a, b) => (`${a.connection} ${a.kind} ${a.name}` < `${b.connection} ${b.kind} ${b.name}` ? -1 : 1))
  const unlisted = (input.unlisted ?? [])
    .map(({ connection, why }) => ({ connection, why: wipeText(why, input.secrets ?? []) }))
    .sort((a, b) => (a.connection < b.connection ? -1 : 1))
  const counts = countsOf(resources, unmanaged)
  const drifted = counts.modified + counts.deleted + counts.unmanaged > 0
  return {
    format: driftFormat,
    stack: input.stack,
    at: new Date(input.at).toISOString(),
    milliseconds: input.milliseconds,
    base: input.base,
    connections: input.connections,
    outcome: counts.unreadable + unlisted.length > 0 ? 'incomplete' : drifted ? 'drift' : 'none',
    counts,
    resources,
    unmanaged,
    unlisted,
    ignores: { expired: ignores.expired, unused: ignores.unused() },
  }
}

/** Exit code of `infra drift`; any error is 1. */
export function driftExitCode(report: DriftReport): 0 | 2 | 3 {
  return report.outcome === 'none' ? 0 : report.outcome === 'drift' ? 2 : 3
}

/** Whether it differs and nobody said that it may. */
export function counts(one: DriftAttribute | DriftObject): boolean {
  if (one.ignored) return false
  return !('status' in one) || one.status === 'modified' || one.status === 'deleted'
}

function resourceOf(
  { record, observation, kind }: DriftSubject,
  ignores: AppliedIgnores,
  secrets: readonly string[],
): DriftResource {
  const { address, name, connection, source } = record
  const common = { address, kind: record.kind, name, connection, source }
  if (observation.status === 'unreadable' || !kind) {
    const why =
      observation.status === 'unreadable'
        ? observation.why
        : `this version does not know the kind ${record.kind}`
    return { ...common, status: 'unreadable', why: wipeText(why, secrets), attributes: [] }
  }
  if (observation.status === 'absent') {
    const ignored = ignores.of(address)
    return { ...common, status: 'deleted', attributes: [], ...(ignored && { ignored }) }
  }
  const attributes = attributesOf(record, observation.spec, kind, ignores)
  const { remark, pending } = observation
  return {
    ...common,
    status: attributes.some(one => one.status === 'modified' || one.status === 'deleted')
      ? 'modified'
      : 'in-sync',
    ...(remark !== undefined && { remark: wipeText(remark, secrets) }),
    ...(pending?.length && { pending }),
    attributes,
  }
}

function attributesOf(
  record: ResourceRecord,
  observed: ResourceRecord['spec'],
  { keyedLists }: Pick<Kind, 'keyedLists'>,
  ignores: AppliedIgnores,
): DriftAttribute[] {
  const current = currentSpec(record.spec, observed, record.spec, keyedLists)
  const found = differences(record.spec, current, keyedLists)
  const paths = found.map(difference => difference.path)
  const calm = leavesWithKeys(record.spec, observed, keyedLists)
    .filter(leaf => !paths.some(path => within(leaf.path, path) || within(path, leaf.path)))
    .map(
      ({ path, seen }): DriftAttribute =>
        seen
          ? { path, status: 'in-sync' }
          : { path, status: 'unreadable', why: 'the system does not report it' },
    )
  return [...found.map(difference => moved(difference, record, ignores)), ...calm].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  )
}

function moved(
  { path, from, to }: Difference,
  record: ResourceRecord,
  ignores: AppliedIgnores,
): DriftAttribute {
  const sensitive = record.sensitive.some(secret => within(path, secret) || within(secret, path))
  const show = (value: Json) => (sensitive ? maskValue(value) : value)
  const ignored = lifecycleIgnore(path, record) ?? ignores.of(record.address, path)
  return {
    path,
    status: to === undefined ? 'deleted' : 'modified',
    ...(from !== undefined && { from: show(from) }),
    ...(to !== undefined && { to: show(to) }),
    ...(sensitive && { sensitive: true as const }),
    ...(ignored && { ignored }),
  }
}

function lifecycleIgnore(path: string, record: ResourceRecord): Ignored | undefined {
  const listed = record.lifecycle.ignoreChanges?.find(above => within(path, above))
  return listed === undefined ? undefined : { reason: `lifecycle.ignoreChanges lists ${listed}` }
}

function countsOf(resources: readonly DriftResource[], unmanaged: readonly DriftObject[]): DriftCounts {
  let [inSync, modified, deleted, unreadable, attributes, ignored] = [0, 0, 0, 0, 0, 0]
  for (const resource of resources) {
    const drifted = resource.attributes.filter(counts).length
    attributes += drifted
    ignored += resource.attributes.filter(one => one.ignored).length
    if (resource.status === 'unreadable') unreadable += 1
    else if (resource.status === 'deleted' && !resource.ignored) deleted += 1
    else if (drifted > 0) modified += 1
    else inSync += resource.status === 'deleted' ? 0 : 1
    if (resource.ignored) ignored += 1
  }
  const open = unmanaged.filter(counts).length
  return {
    resources: resources.length,
    inSync,
    modified,
    deleted,
    unreadable,
    unmanaged: open,
    attributes,
    ignored: ignored + unmanaged.length - open,
  }
}
