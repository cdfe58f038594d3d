/** Differences between two canonical specs, as a flat list of changed paths. */
import { diff, type IChange } from 'json-diff-ts'
import { type Attributes, isObject, isUnresolved, type Json, sameValue } from '../model/value.js'

/** One path whose value appears (`from` absent), disappears (`to` absent) or changes. */
export interface Difference {
  readonly path: string
  readonly from?: Json
  readonly to?: Json
}

type KeyedLists = Readonly<Record<string, string>>

/**
 * What turns `from` into `to`. Elements of keyed lists are told apart by their key (`dataDisks[vdb].sizeGB`), whatever their
 * order; any other list is one value. Sorted by path.
 */
export function differences(from: Attributes, to: Attributes, keyedLists: KeyedLists): Difference[] {
  if (sameValue(from, to)) return []
  const changes = diff(from, to, { embeddedObjKeys: { ...keyedLists }, treatTypeChangeAsReplace: true })
  const found = new Map<string, Difference>()
  collect(changes, '', from, to, undefined, keyedLists, found)
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function collect(
  changes: readonly IChange[],
  prefix: string,
  from: Json | undefined,
  to: Json | undefined,
  listKey: string | undefined,
  lists: KeyedLists,
  found: Map<string, Difference>,
): void {
  for (const change of changes) {
    const path = listKey === undefined ? join(prefix, change.key) : `${prefix}[${change.key}]`
    const old = child(from, change.key, listKey)
    const next = child(to, change.key, listKey)
    const below = change.changes
    const asWhole =
      below === undefined || change.embeddedKey === '$index' || isUnresolved(old) || isUnresolved(next)
    if (asWhole) {
      // A change of type is told as a removal and an addition of the same key: one difference here.
      if (sameValue(old, next)) continue
      for (const whole of wholes(path, old, next, lists[path])) found.set(whole.path, whole)
    } else {
      const key = typeof change.embeddedKey === 'string' ? change.embeddedKey : undefined
      collect(below, path, old, next, key, lists, found)
    }
  }
}

/** A value as one difference; a keyed list that appears or disappears as one an element, as rules name them. */
function wholes(
  path: string,
  from: Json | undefined,
  to: Json | undefined,
  listKey: string | undefined,
): Difference[] {
  const list = from === undefined ? to : to === undefined ? from : undefined
  if (listKey !== undefined && Array.isArray(list)) {
    return (list as readonly Json[]).filter(isObject).map(item => {
      const at = `${path}[${String(item[listKey])}]`
      return from === undefined ? { path: at, to: item } : { path: at, from: item }
    })
  }
  return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }]
}

function join(prefix: string, key: string): string {
  return prefix === '' ? key : `${prefix}.${key}`
}

function child(value: Json | undefined, key: string, listKey: string | undefined): Json | undefined {
  if (Array.isArray(value)) {
    if (listKey === undefined) return undefined
    return (value as readonly Json[]).find(item => isObject(item) && String(item[listKey]) === key)
  }
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/**
 * The values that a plan compares with: what was observed, where it could be read, and else what was recorded. Attributes
 * that are there but were never declared (neither recorded nor desired) are left out.
 */
export function currentSpec(
  recorded: Attributes,
  observed: Attributes,
  desired: Attributes,
  keyedLists: KeyedLists,
): Attributes {
  return overlay(recorded, observed, desired, keyedLists, '') as Attributes
}

function overlay(
  recorded: Attributes,
  observed: Attributes,
  desired: Attributes,
  lists: KeyedLists,
  prefix: string,
): Json {
  const result: { [key: string]: Json } = {}
  for (const [key, known] of Object.entries(recorded)) if (!Object.hasOwn(observed, key)) result[key] = known
  for (const [key, seen] of Object.entries(observed)) {
    const known = recorded[key]
    const wanted = desired[key]
    if (known === undefined && wanted === undefined) continue
    const path = join(prefix, key)
    const listKey = lists[path]
    // What is known as a reference to a secret only is not held against the secret.
    if (isUnresolved(known) && known.$secret !== undefined) result[key] = known
    else if (known === undefined && isUnresolved(wanted) && wanted.$secret !== undefined) result[key] = wanted
    else if (isObject(seen) && !isUnresolved(seen)) {
      result[key] = overlay(asObject(known), seen, asObject(wanted), lists, path)
    } else if (Array.isArray(seen) && listKey !== undefined) {
      result[key] = (seen as readonly Json[]).map(item => {
        const [old, next] = [element(known, listKey, item), element(wanted, listKey, item)]
        // An element that nobody declared is there as a whole: a disk attached by hand.
        if (!isObject(item) || (!old && !next)) return item
        return overlay(old ?? {}, item, next ?? {}, lists, path)
      })
    } else {
      result[key] = seen
    }
  }
  return result
}

function asObject(value: Json | undefined): Attributes {
  return isObject(value) && !isUnresolved(value) ? value : {}
}

function element(list: Json | undefined, key: string, like: Json): Attributes | undefined {
  if (!Array.isArray(list) || !isObject(like)) return undefined
  return (list as readonly Json[]).find(
    (item): item is Attributes => isObject(item) && item[key] === like[key],
  )
}

/** Whether a path is the other or below it: `dataDisks[vdb].sizeGB` is within `dataDisks` and `dataDisks[vdb]`. */
export function within(path: string, above: string): boolean {
  return (
    path === above || (path.startsWith(above) && (path[above.length] === '.' || path[above.length] === '['))
  )
}

/** The path with the keys of its lists left out, as rules write it: `dataDisks[].sizeGB`. */
export function pathPattern(path: string): string {
  return path.replace(/\[[^\]]*\]/g, '[]')
}
