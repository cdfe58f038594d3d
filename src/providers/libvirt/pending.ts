/** What waits for a restart: where the running form of an object is not what is stored. */
import { type Attributes, type Json, sameValue } from '../../model/value.js'
import { fields, objects } from './kinds/values.js'

type KeyedLists = Readonly<Record<string, string>>

/** Paths that differ, sorted. What either form does not tell is not compared. */
export function pendingPaths(live: Attributes, stored: Attributes, lists: KeyedLists, prefix = ''): string[] {
  const found = Object.entries(stored).flatMap(([key, wanted]) => {
    const now = live[key]
    const path = `${prefix}${key}`
    if (now === undefined || now === null || wanted === null || sameValue(now, wanted)) return []
    const name = lists[path]
    if (name !== undefined) return pendingItems(path, name, now, wanted)
    const inner = fields(wanted)
    return inner === wanted && fields(now) === now
      ? pendingPaths(fields(now), inner, lists, `${path}.`)
      : [path]
  })
  return found.sort()
}

function pendingItems(path: string, name: string, live: Json, stored: Json): string[] {
  const byName = (value: Json) => new Map(objects(value).map(({ item }) => [String(item[name]), item]))
  const [now, wanted] = [byName(live), byName(stored)]
  return [...new Set([...now.keys(), ...wanted.keys()])].flatMap(key => {
    const [a, b] = [now.get(key), wanted.get(key)]
    if (a === undefined || b === undefined) return [`${path}[${key}]`]
    return pendingPaths(a, b, {}, `${path}[${key}].`)
  })
}
