/** Reading and building nested plain objects by path, as chart values are. Nothing here changes its input. */
import { isObject, isUnresolved, type Json, sameValue } from '../../../model/value.js'

export type Values = { readonly [key: string]: Json }
type Path = readonly string[]

const none = new Set(['__proto__', 'constructor', 'prototype'])

/** The value at a path, or undefined. */
export function valueAt(tree: Json | undefined, path: Path): Json | undefined {
  let value = tree
  for (const key of path) {
    if (!isObject(value) || isUnresolved(value) || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}

/** The tree with a value at a path; objects on the way are made. */
export function withValue(tree: Values, path: Path, value: Json): Values {
  const [key, ...rest] = path
  if (key === undefined || none.has(key)) return tree
  if (rest.length === 0) return { ...tree, [key]: value }
  const below = tree[key]
  return { ...tree, [key]: withValue(isObject(below) && !isUnresolved(below) ? below : {}, rest, value) }
}

/** The tree without the value at a path, and without objects that this leaves empty. */
export function withoutValue(tree: Values, path: Path): Values {
  const [key, ...rest] = path
  if (key === undefined || !Object.hasOwn(tree, key)) return tree
  const { [key]: below, ...others } = tree
  if (rest.length === 0) return others
  if (!isObject(below) || isUnresolved(below)) return tree
  const smaller = withoutValue(below, rest)
  return Object.keys(smaller).length === 0 ? others : { ...tree, [key]: smaller }
}

/** Helm's own merge: objects by key, anything else replaced by the later; null stays, and removes a chart's default. */
export function mergeValues(base: Values, over: Values): Values {
  const result: { [key: string]: Json } = { ...base }
  for (const [key, value] of Object.entries(over)) {
    if (none.has(key)) continue
    const below = result[key]
    const both = isObject(value) && !isUnresolved(value) && isObject(below) && !isUnresolved(below)
    result[key] = both ? mergeValues(below, value) : value
  }
  return result
}

/** The tree without empty objects, which say nothing to Helm. */
export function withoutEmpty(tree: Values): Values {
  const result: { [key: string]: Json } = {}
  for (const [key, value] of Object.entries(tree)) {
    if (none.has(key)) continue
    if (!isObject(value) || isUnresolved(value)) {
      result[key] = value
      continue
    }
    const smaller = withoutEmpty(value)
    if (Object.keys(smaller).length > 0) result[key] = smaller
  }
  return result
}

/** Every leaf with its path (`a.b.c`): scalars, lists and empty objects. Sorted. */
export function leaves(tree: Values, prefix = ''): [string, Json][] {
  const found: [string, Json][] = []
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (isObject(value) && !isUnresolved(value) && Object.keys(value).length > 0)
      found.push(...leaves(value, path))
    else found.push([path, value])
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Leaves of `right` that `left` lacks or has otherwise, and leaves of `left` that `right` lacks. */
export function compareLeaves(
  left: Values,
  right: Values,
): {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
} {
  const before = new Map(leaves(left))
  const after = new Map(leaves(right))
  const added = [...after.keys()].filter(path => !before.has(path))
  const removed = [...before.keys()].filter(path => !after.has(path))
  const changed = [...after].filter(
    ([path, value]) => before.has(path) && !sameValue(before.get(path), value),
  )
  return { added, removed, changed: changed.map(([path]) => path) }
}
