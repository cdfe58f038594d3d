/** How far back a rollback can go: a grown disk is not shrunk. */
import { type Attributes, isObject, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import { classify } from './classify.js'
import { currentSpec, type Difference, differences } from './diff.js'
import { sameIdentity } from './identity.js'
import type { Restore } from './input.js'

export interface Reachable {
  readonly goal: DesiredResource | undefined
  /** What stays as it is, in words. */
  readonly left: readonly string[]
}

/**
 * The former resource with the changes left out that its kind refuses to make, or could only make with another object: the
 * one that is still there has the data, and its successor would have none.
 */
export function reachable(
  desired: DesiredResource | undefined,
  record: ResourceRecord | undefined,
  observation: Observation,
  restore: Restore | undefined,
  kind: Kind,
  undoing: boolean,
): Reachable {
  if (!desired || !record || observation.status !== 'present') return { goal: desired, left: [] }
  const itself = restore !== undefined && sameIdentity(restore.identity, record.identity)
  const keepsIt = itself && kind.deletion(record.spec).hazards.includes('deletes-data')
  const current = currentSpec(record.spec, observation.spec, desired.spec, kind.keyedLists)
  const left: string[] = []
  let spec = desired.spec
  for (const difference of differences(current, desired.spec, kind.keyedLists)) {
    const verdict = classify(kind, difference, undoing)
    if (verdict.how !== 'refuse' && !(keepsIt && verdict.how === 'replace')) continue
    spec = withValue(spec, difference, kind.keyedLists)
    left.push(`${difference.path} stays as it is${verdict.why ? `: ${verdict.why}` : ''}`)
  }
  return { goal: left.length > 0 ? { ...desired, spec } : desired, left }
}

/** The spec with the value at a difference's path put back to its `from`. */
function withValue(spec: Attributes, difference: Difference, keyedLists: Kind['keyedLists']): Attributes {
  const segments = difference.path.match(/[^.[\]]+|\[[^\]]*\]/g) ?? []
  return put(spec, segments, '', difference.from, keyedLists) as Attributes
}

function put(
  at: Json | undefined,
  segments: readonly string[],
  path: string,
  value: Json | undefined,
  lists: Kind['keyedLists'],
): Json {
  const [segment, ...rest] = segments
  if (segment === undefined) return value ?? null
  if (segment.startsWith('[') && Array.isArray(at)) {
    const key = segment.slice(1, -1)
    const field = lists[path] ?? ''
    const others = (at as readonly Json[]).filter(item => !(isObject(item) && item[field] === key))
    const old = (at as readonly Json[]).find(item => isObject(item) && item[field] === key)
    if (rest.length === 0) return value === undefined ? others : [...others, value]
    return (at as readonly Json[]).map(item => (item === old ? put(item, rest, path, value, lists) : item))
  }
  const object = isObject(at) ? at : {}
  const below = path === '' ? segment : `${path}.${segment}`
  const { [segment]: old, ...others } = object
  if (rest.length === 0 && value === undefined) return others
  return { ...others, [segment]: put(old, rest, below, value, lists) }
}
