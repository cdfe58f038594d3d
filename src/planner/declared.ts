/** What of an observation a plan is bound to: what was declared. What nobody declared may move by itself. */
import { type Attributes, holdsSecret, isObject, isUnresolved, type Json, sameValue } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { Observation } from '../providers/provider.js'
import { type Difference, differences, pathPattern, within } from './diff.js'

/** What was declared of a resource: by its record, by its document, or by both. */
export interface Declared {
  readonly recorded: Attributes | undefined
  readonly desired: Attributes | undefined
}

/**
 * The observed attributes that are declared (an autoscaled pool's pg_num is not). An element of a keyed list counts although
 * nobody declared it: a disk that was attached by hand. The same object where all of them count.
 */
export function declaredPart(
  seen: Attributes,
  { recorded, desired }: Declared,
  keyedLists: Kind['keyedLists'],
): Attributes {
  return partOf(seen, recorded, desired, keyedLists, '')
}

/** Builds nothing where all of it counts: that is so of most of what is observed. */
function partOf(
  seen: Attributes,
  recorded: Json | undefined,
  desired: Json | undefined,
  lists: Kind['keyedLists'],
  prefix: string,
): Attributes {
  const keys = Object.keys(seen)
  let part: { [key: string]: Json } | undefined
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] ?? ''
    const value = seen[key]
    const [known, wanted] = [fieldOf(recorded, key), fieldOf(desired, key)]
    const kept =
      typeof value === 'object' && value !== null
        ? partWithin(value, known, wanted, lists, prefix === '' ? key : `${prefix}.${key}`)
        : known === undefined && wanted === undefined
          ? undefined
          : value
    if (kept !== value) part ??= Object.fromEntries(keys.slice(0, at).map(one => [one, seen[one] as Json]))
    if (part && kept !== undefined) part[key] = kept
  }
  return part ?? seen
}

/** What counts of a list or an object; undefined for nothing of it. */
function partWithin(
  value: Json,
  known: Json | undefined,
  wanted: Json | undefined,
  lists: Kind['keyedLists'],
  path: string,
): Json | undefined {
  const listKey = lists[path]
  if (known === undefined && wanted === undefined && listKey === undefined) return undefined
  if (Array.isArray(value) && listKey !== undefined)
    return elements(value as readonly Json[], known, wanted, listKey, lists, path)
  if (isObject(value) && (isPlain(known) || isPlain(wanted))) return partOf(value, known, wanted, lists, path)
  return value
}

function elements(
  list: readonly Json[],
  known: Json | undefined,
  wanted: Json | undefined,
  listKey: string,
  lists: Kind['keyedLists'],
  path: string,
): Json {
  const kept = list.map(item => {
    const [old, next] = [elementLike(known, listKey, item), elementLike(wanted, listKey, item)]
    if (!isObject(item) || (old === undefined && next === undefined)) return item
    return partOf(item, old, next, lists, path)
  })
  return kept.every((item, index) => item === list[index]) ? list : kept
}

const isPlain = (value: Json | undefined) => isObject(value) && !isUnresolved(value)

function fieldOf(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function elementLike(list: Json | undefined, key: string, like: Json): Json | undefined {
  if (!Array.isArray(list) || !isObject(like)) return undefined
  return (list as readonly Json[]).find(item => isObject(item) && item[key] === like[key])
}

/**
 * How an observation differs from the one that a plan was made from, in what the plan is bound to: identity, owner, what waits
 * for a restart, declared attributes. Empty where it does not.
 */
export function changesSince(
  planned: Observation,
  now: Observation,
  declared: Declared,
  kind: Kind,
): readonly Difference[] {
  if (planned.status !== 'present' || now.status !== 'present')
    return planned.status === now.status ? [] : [{ path: 'status', from: planned.status, to: now.status }]
  const part = (seen: Attributes) => declaredPart(seen, declared, kind.keyedLists)
  const beside = [
    ...Object.keys({ ...planned.identity, ...now.identity }).map(key => ({
      ...{ path: `identity.${key}`, from: planned.identity[key], to: now.identity[key] },
    })),
    { path: 'owner.lineage', from: planned.owner?.lineage, to: now.owner?.lineage },
    { path: 'owner.address', from: planned.owner?.address, to: now.owner?.address },
    { path: 'pending', from: planned.pending ?? [], to: now.pending ?? [] },
    { path: 'incomplete', from: planned.incomplete ?? false, to: now.incomplete ?? false },
  ]
  return [
    ...beside.flatMap(({ path, from, to }) =>
      sameValue(from, to)
        ? []
        : [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }],
    ),
    ...differences(part(planned.spec), part(now.spec), kind.keyedLists),
  ]
}

/** Longer values are cut: a set-up file of a machine is a page. */
const longestValue = 60
const mostPaths = 12

/** Differences in words: each path, and its values where they are no secret. */
export function tellChanges(
  changes: readonly Difference[],
  declared: Declared,
  sensitive: readonly string[],
  kind: Kind,
): string {
  const told = changes.slice(0, mostPaths).map(({ path, from, to }) => {
    if (isSecret(path, declared, sensitive, kind)) return `${path} differs (sensitive)`
    return `${path} was ${shown(from)} and is ${shown(to)}`
  })
  const more = changes.length - told.length
  return told.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function isSecret(path: string, declared: Declared, sensitive: readonly string[], kind: Kind): boolean {
  const touches = (one: string, other: string) => within(one, other) || within(other, one)
  if (sensitive.some(secret => touches(path, secret))) return true
  if (kind.sensitive.some(pattern => touches(pathPattern(path), pattern))) return true
  // What stands there as a reference to a secret is read in clear.
  const [top = ''] = path.split(/[.[]/)
  return holdsSecret(declared.recorded?.[top]) || holdsSecret(declared.desired?.[top])
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'not set'
  const text = JSON.stringify(value)
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text
}
