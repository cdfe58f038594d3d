/** What exists on hosts, as documents that leave nothing to do once it is taken over: each is held against what is there. */
import { type Attributes, isObject, type Json } from '../model/value.js'
import { currentSpec, differences } from '../planner/diff.js'
import { draftHost } from '../providers/libvirt/acts/discover.js'
import type { Draft, LeftOut } from '../providers/libvirt/acts/draft.js'
import { minimalSpec } from '../providers/libvirt/acts/minimal-spec.js'
import type { NamedHost } from '../providers/libvirt/acts/open.js'
import type { Host } from '../providers/libvirt/connection.js'
import { observeAll } from '../providers/libvirt/observe.js'

export interface DiscoveredDocument {
  /** The connection to its host. */
  readonly host: string
  readonly kind: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** As short as it can be written. */
  readonly spec: Attributes
  readonly remarks: readonly string[]
}

export interface Discovery {
  readonly documents: readonly DiscoveredDocument[]
  readonly leftOut: readonly (LeftOut & { readonly host: string })[]
}

/** Rounds of correcting a document by what is really there. */
const rounds = 3

/** Everything on a host. Objects of which no document tells all are left out, with why. */
export async function discover(named: NamedHost, signal: AbortSignal): Promise<Discovery> {
  const { name, host } = named
  const { drafts, leftOut } = await draftHost(host, signal)
  const settled = await Promise.all(drafts.map(draft => settle(host, draft, signal)))
  return {
    documents: settled.flatMap(one => ('why' in one ? [] : [{ host: name, ...one }])),
    leftOut: [...leftOut, ...settled.flatMap(one => ('why' in one ? [one] : []))].map(one => ({
      host: name,
      ...one,
    })),
  }
}

async function settle(
  host: Host,
  draft: Draft,
  signal: AbortSignal,
): Promise<Omit<DiscoveredDocument, 'host'> | LeftOut> {
  const { kind, name, labels, remarks, owned } = draft
  const meta = { name, labels, annotations: {} }
  const leftOut = (why: string): LeftOut => ({ kind: kind.kind, name, why })
  if ((kind.objectName?.(meta) ?? name) !== name)
    return leftOut(`no document can have that name: it would be ${kind.objectName?.(meta)}`)
  if (owned !== undefined) return leftOut(`it belongs to ${owned}`)
  let { spec } = draft
  for (let round = 0; ; round += 1) {
    const canonical = kind.canonical(spec, meta)
    const target = { address: `${kind.kind}/${name}`, kind: kind.kind, name, spec: canonical }
    const seen = (await observeAll(host, [target], signal)).get(target.address)
    if (seen?.status !== 'present') return leftOut(seen?.status === 'unreadable' ? seen.why : 'it is gone')
    const current = currentSpec(canonical, seen.spec, canonical, kind.keyedLists)
    const found = differences(canonical, current, kind.keyedLists)
    if (found.length === 0) break
    if (round === rounds)
      return leftOut(`a document would differ from it in ${found.map(one => one.path).join(', ')}`)
    for (const one of found) spec = corrected(spec, one.path, current)
  }
  const short = minimalSpec(kind, name, spec)
  const parsed = kind.schema.safeParse(short)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return leftOut(`no document can say it: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const [problem] = kind.check?.(short, meta) ?? []
  if (problem !== undefined) return leftOut(`no document can say it: ${problem.message}`)
  return { kind: kind.kind, name, labels, spec: short, remarks }
}

/** The draft with what is really there in the place of the first part of a path. */
function corrected(spec: Attributes, path: string, current: Attributes): Attributes {
  const head = /^[^.[]+/.exec(path)?.[0] ?? path
  const value: Json | undefined = current[head]
  const rest = Object.entries(spec).filter(([key]) => key !== head)
  if (value === undefined || value === null) return Object.fromEntries(rest)
  return { ...Object.fromEntries(rest), [head]: withoutNulls(value) }
}

function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutNulls)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])),
  )
}
