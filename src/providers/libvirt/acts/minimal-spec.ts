/** A spec as a person would have written it. */
import { InfraError } from '../../../model/error.js'
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { Kind } from '../../kind.js'

/** The spec without what its kind fills in by itself: what a person would have written. */
export function minimalSpec(kind: Kind, name: string, spec: Attributes): Attributes {
  const meta = { name, labels: {}, annotations: {} }
  const canonical = (candidate: Attributes) => JSON.stringify(sorted(kind.canonical(candidate, meta)))
  const wanted = canonical(spec)
  const shrink = (whole: Attributes, path: readonly (string | number)[], value: Json): Attributes => {
    let here = whole
    if (path.length > 0 && !(typeof path.at(-1) === 'number')) {
      const without = withoutPath(here, path) as Attributes
      try {
        if (canonical(without) === wanted) return without
      } catch (error) {
        if (error instanceof InfraError) return here
        throw error
      }
    }
    if (isObject(value))
      for (const [key, inner] of Object.entries(value)) here = shrink(here, [...path, key], inner)
    else if (Array.isArray(value))
      (value as readonly Json[]).forEach((inner, index) => {
        here = shrink(here, [...path, index], inner)
      })
    return here
  }
  return shrink(spec, [], spec)
}

function withoutPath(value: Json, [head, ...rest]: readonly (string | number)[]): Json {
  if (typeof head === 'number' && Array.isArray(value))
    return (value as readonly Json[]).map((item, index) => (index === head ? withoutPath(item, rest) : item))
  if (!isObject(value) || head === undefined) return value
  if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([key]) => key !== head))
  return { ...value, [head]: withoutPath(value[head] ?? null, rest) }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, sorted(value[key] ?? null)]),
  )
}
