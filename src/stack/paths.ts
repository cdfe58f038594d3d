/** Paths of a spec as texts: `dataDisks[vdb].sizeGB`, with elements of keyed lists named by their key. */
import { type Attributes, isObject, type Json, scalarText } from '../model/value.js'
import type { Path } from './problems.js'
import type { Segment } from './template-text.js'

type KeyedLists = Readonly<Record<string, string>>

/** The path's text. Elements are told by their key where the list has one and the element says it, else by index. */
export function pathOf(path: Path, spec: Json, keyedLists: KeyedLists): string {
  let text = ''
  let pattern = ''
  let value: Json | undefined = spec
  for (const segment of path) {
    if (typeof segment === 'number') {
      value = Array.isArray(value) ? (value[segment] as Json | undefined) : undefined
      const field = Object.hasOwn(keyedLists, pattern) ? keyedLists[pattern] : undefined
      const key = field !== undefined && isObject(value) ? value[field] : undefined
      text += `[${typeof key === 'string' || typeof key === 'number' ? key : segment}]`
      pattern += '[]'
    } else {
      value = isObject(value) && Object.hasOwn(value, segment) ? value[segment] : undefined
      text += text === '' ? segment : `.${segment}`
      pattern += pattern === '' ? segment : `.${segment}`
    }
  }
  return text
}

/** The places in a spec that a pattern like `dataDisks[].key` names, and that are there. */
export function expandPattern(pattern: string, spec: Attributes, keyedLists: KeyedLists): string[] {
  // Most specs have none of the fields that could be secrets.
  const [top = ''] = /^[^.[]+/.exec(pattern) ?? []
  if (!Object.hasOwn(spec, top)) return []
  let found: { path: (string | number)[]; value: Json }[] = [{ path: [], value: spec }]
  for (const step of stepsOf(pattern)) {
    found = found.flatMap(({ path, value }) => {
      if (step === null) {
        if (!Array.isArray(value)) return []
        return (value as readonly Json[]).map((item, index) => ({ path: [...path, index], value: item }))
      }
      const below = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined
      return below === undefined ? [] : [{ path: [...path, step], value: below }]
    })
  }
  return found.map(({ path }) => pathOf(path, spec, keyedLists))
}

/** Steps into a field, or (null) into every element of a list. Kinds have a few patterns, which are asked of every spec. */
function stepsOf(pattern: string): readonly (string | null)[] {
  const known = stepsKnown.get(pattern)
  if (known !== undefined) return known
  const steps = pattern.split('.').flatMap(part => {
    const name = part.replace(/(?:\[\])+$/, '')
    const lists = (part.length - name.length) / 2
    return [...(name === '' ? [] : [name]), ...Array.from({ length: lists }, () => null)]
  })
  stepsKnown.set(pattern, steps)
  return steps
}

const stepsKnown = new Map<string, readonly (string | null)[]>()

/** Whether one path text lies at, above or below the other. */
export function overlaps(a: string, b: string): boolean {
  return a === b || isBelow(a, b) || isBelow(b, a)
}

function isBelow(path: string, above: string): boolean {
  return path.startsWith(above) && /[.[]/.test(path.charAt(above.length))
}

/**
 * The value at the segments of a reference. An element of a list is named by its index, or by the value of the list's key
 * field (`name` where the list declares none). With the path that was really walked.
 */
export function walk(
  root: Json,
  segments: readonly Segment[],
  keyedLists: KeyedLists,
): { readonly value: Json | undefined; readonly path: Path } {
  const path: (string | number)[] = []
  let pattern = ''
  let value: Json | undefined = root
  for (const { name } of segments) {
    if (Array.isArray(value)) {
      const items = value as readonly Json[]
      const field = Object.hasOwn(keyedLists, pattern) ? (keyedLists[pattern] as string) : 'name'
      const keyed = items.findIndex(
        item => isObject(item) && Object.hasOwn(item, field) && scalarText(item[field]) === name,
      )
      const index = keyed >= 0 ? keyed : /^(?:0|[1-9][0-9]{0,8})$/.test(name) ? Number(name) : -1
      path.push(index)
      value = index >= 0 ? items[index] : undefined
      pattern += '[]'
    } else {
      path.push(name)
      value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
      pattern += pattern === '' ? name : `.${name}`
    }
    if (isObject(value) && typeof value.$unresolved === 'string') break
    if (value === undefined) break
  }
  return { value, path }
}
