/** Values of attributes as people read them. */
import { isObject, isSensitive, isUnresolved, type Json, secretText } from '../model/value.js'
import { gibibytes, visible } from './text.js'

/** A value on one line: texts in quotes, secrets and unknowns in words. */
export function showValue(value: Json | undefined): string {
  if (value === undefined) return '(none)'
  if (typeof value === 'string') return visible(JSON.stringify(value))
  if (typeof value !== 'object' || value === null) return String(value)
  if (isSensitive(value)) return secretText
  if (isUnresolved(value)) return '(known after apply)'
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`
  const fields = Object.entries(value).map(([key, field]) => `${visible(key)}: ${showValue(field as Json)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

/** Fields that hold bytes, where a number of them is large enough to be hard to read. */
const bytesField = /(^|\.|\])(size|capacity|quota|\w*Bytes)$/
const legible = 2 ** 20

/** A value as its field reads best: `536870912000 (500 GiB)`. */
export function showAttribute(path: string, value: Json | undefined): string {
  const shown = showValue(value)
  if (typeof value !== 'number' || value < legible || !bytesField.test(path)) return shown
  return `${shown} (${gibibytes(value / 2 ** 30)})`
}

/** One attribute of a spec with its path. */
export interface Leaf {
  readonly path: string
  readonly value: Json
}

/** Fields by which elements of lists are called in paths, where they have one. */
const nameFields = ['device', 'name', 'ip']

/** The attributes of a spec, flat, in the order of the spec; a list of plain values is one attribute. */
export function leavesOf(spec: { readonly [key: string]: Json }): Leaf[] {
  const leaves: Leaf[] = []
  for (const [key, value] of Object.entries(spec)) collect(value, key, leaves)
  return leaves
}

function collect(value: Json, path: string, leaves: Leaf[]): void {
  if (Array.isArray(value) && value.length > 0 && value.every(isObject)) {
    for (const [index, item] of value.entries()) collect(item, `${path}[${elementName(item, index)}]`, leaves)
  } else if (
    isObject(value) &&
    !isSensitive(value) &&
    !isUnresolved(value) &&
    Object.keys(value).length > 0
  ) {
    for (const [key, field] of Object.entries(value)) collect(field, `${path}.${key}`, leaves)
  } else {
    leaves.push({ path, value })
  }
}

function elementName(item: { readonly [key: string]: Json }, index: number): string {
  for (const field of nameFields) {
    const name = item[field]
    if (typeof name === 'string') return name
  }
  return String(index)
}
