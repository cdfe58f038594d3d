/** The declared attributes of a spec, one by one, and whether the system below reports each. */
import { type Attributes, isObject, isUnresolved, type Json } from '../../model/value.js'

interface SeenLeaf {
  readonly path: string
  readonly seen: boolean
}

type KeyedLists = Readonly<Record<string, string>>

/** Paths as differences have them: elements of keyed lists by their key. */
export function leavesWithKeys(recorded: Attributes, observed: Attributes, lists: KeyedLists): SeenLeaf[] {
  const leaves: SeenLeaf[] = []
  for (const [key, value] of Object.entries(recorded)) {
    const there = Object.hasOwn(observed, key)
    collect(value, there ? observed[key] : undefined, key, there, lists, leaves)
  }
  return leaves
}

function collect(
  value: Json,
  observed: Json | undefined,
  path: string,
  seen: boolean,
  lists: KeyedLists,
  leaves: SeenLeaf[],
): void {
  const listKey = lists[path]
  if (Array.isArray(value) && listKey !== undefined) {
    for (const item of value as readonly Json[]) {
      if (!isObject(item)) continue
      const name = item[listKey]
      const other = Array.isArray(observed)
        ? (observed as readonly Json[]).find(one => isObject(one) && one[listKey] === name)
        : undefined
      collect(item, other, `${path}[${String(name)}]`, seen, lists, leaves)
    }
  } else if (isObject(value) && !isUnresolved(value) && Object.keys(value).length > 0) {
    for (const [key, field] of Object.entries(value)) {
      const there = isObject(observed) && Object.hasOwn(observed, key)
      collect(field, there ? observed[key] : undefined, `${path}.${key}`, seen && there, lists, leaves)
    }
  } else {
    leaves.push({ path, seen })
  }
}
