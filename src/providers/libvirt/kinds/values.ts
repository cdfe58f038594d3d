/** Small readers for specs whose values may be missing or not known yet. */
import { type Attributes, isObject, isUnresolved, type Json } from '../../../model/value.js'

export { present } from '../../../model/value.js'

export function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

/** The fields of an object; none where it is missing or not known yet. */
export function fields(value: Json | undefined): Attributes {
  return isObject(value) && !isUnresolved(value) ? value : {}
}

/** The objects of a list, each with its place in it; unresolved elements are passed over. */
export function objects(value: Json | undefined): { readonly item: Attributes; readonly index: number }[] {
  const found: { readonly item: Attributes; readonly index: number }[] = []
  // without an iterator: every plan asks this of every machine, many times
  list(value).forEach((item, index) => {
    if (isObject(item) && !isUnresolved(item)) found.push({ item, index })
  })
  return found
}

/** Applies to a value if it is a known text; passes anything else on. */
export function mapText(value: Json | undefined, change: (text: string) => Json): Json | undefined {
  return typeof value === 'string' ? change(value) : value
}

/** Applies to a value if it is a known number; passes anything else on. */
export function mapNumber(value: Json | undefined, change: (number: number) => Json): Json | undefined {
  return typeof value === 'number' ? change(value) : value
}

/** Applies to the known objects of a list; passes anything else on. */
export function mapObjects(
  value: Json | undefined,
  change: (item: Attributes, index: number) => Attributes,
): Json | undefined {
  if (!Array.isArray(value)) return value
  return (value as readonly Json[]).map((item, index) =>
    isObject(item) && !isUnresolved(item) ? change(item, index) : item,
  )
}

/** `POOL:VOLUME`, and a volume alone in the pool that applies; an absolute path stays as it is. */
export function volumeReference(reference: string, pool: string): string {
  return reference.startsWith('/') || reference.includes(':') ? reference : `${pool}:${reference}`
}

/** Pool and volume of `POOL:VOLUME`; undefined for a path. */
export function splitReference(
  reference: string,
): { readonly pool: string; readonly volume: string } | undefined {
  const colon = reference.indexOf(':')
  if (reference.startsWith('/') || colon < 1) return undefined
  return { pool: reference.slice(0, colon), volume: reference.slice(colon + 1) }
}

/** Whether a number grew. */
export const grows = {
  text: 'grows',
  holds: (from: Json | undefined, to: Json | undefined): boolean =>
    typeof from === 'number' && typeof to === 'number' && to > from,
}

/** Whether a number shrank. */
export const shrinks = {
  text: 'shrinks',
  holds: (from: Json | undefined, to: Json | undefined): boolean =>
    typeof from === 'number' && typeof to === 'number' && to < from,
}

/** `POOL:VOLUME` of a document that names its volume otherwise than itself; undefined where that is known only once it is resolved. */
export function volumeCalled(spec: Attributes, defaultPool: string): string | undefined {
  const [pool, volume] = [text(spec.pool ?? defaultPool), text(spec.volume)]
  if (pool === undefined || volume === undefined) return undefined
  return `${pool}${volume}`.includes('${') ? undefined : `${pool}:${volume}`
}
