/** Holds a spec to its kind's schema, and tells what does not fit in words of the document. */
import type { z } from 'zod'
import type { Json } from '../model/value.js'
import { meantField } from './document-fields.js'
import { anyOf, inWords } from './misfit-words.js'
import { meant, nearest } from './nearest.js'
import type { Path } from './problems.js'
import { fieldsAt } from './schema-shape.js'

export interface Misfit {
  readonly path: Path
  readonly code: 'unknown-field' | 'missing-field' | 'invalid-value'
  readonly message: string
  readonly hint?: string | undefined
  readonly at: 'key' | 'value'
}

type Issue = z.core.$ZodIssue

/**
 * What does not fit. `unknown` are the places of values that are known only later: whatever is said of these, or of what is
 * below them, is left out, and so is an alternative that fails at nothing else.
 */
export function checkValue(schema: z.ZodType, value: Json, unknown: readonly Path[]): Misfit[] {
  const result = schema.safeParse(value)
  if (result.success) return []
  return withoutEchoes(result.error.issues.flatMap(issue => misfits(schema, value, issue, [], unknown)))
}

/** A field that is missing because its name is misspelt is told once. */
function withoutEchoes(found: readonly Misfit[]): Misfit[] {
  const misspelt = found.filter(misfit => misfit.code === 'unknown-field')
  return found.filter(({ code, path }) => {
    if (code !== 'missing-field') return true
    const name = String(path[path.length - 1])
    return !misspelt.some(
      other =>
        other.path.length === path.length &&
        isBelow(other.path, path.slice(0, -1)) &&
        nearest(String(other.path[path.length - 1]), [name]).length > 0,
    )
  })
}

function isBelow(path: Path, above: Path): boolean {
  return above.length <= path.length && above.every((segment, index) => segment === path[index])
}

function misfits(
  schema: z.ZodType,
  root: Json,
  issue: Issue,
  base: Path,
  unknown: readonly Path[],
): Misfit[] {
  const path = [
    ...base,
    ...issue.path.map(segment => (typeof segment === 'number' ? segment : String(segment))),
  ]
  if (unknown.some(place => isBelow(path, place))) return []
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path)
    return issue.keys.map(key => ({
      path: [...path, key],
      code: 'unknown-field',
      message: `There is no field \`${key}\`${path.length > 0 ? ` in \`${pathText(path)}\`` : ''}.`,
      hint: path.length > 0 ? meant(key, known) : meantField(key, known),
      at: 'key',
    }))
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const told = issue.errors.map(errors =>
      errors.flatMap(inner => misfits(schema, root, inner, path, unknown)),
    )
    if (told.some(alternative => alternative.length === 0)) return []
    return bestAlternative(told, path, valueAt(root, path))
  }
  const at = valueAt(root, path)
  if (at === undefined && path.length > 0) {
    const field = String(path[path.length - 1])
    const holder = path.slice(0, -1)
    const within = holder.length > 0 ? ` in \`${pathText(holder)}\`` : ''
    return [
      { path, code: 'missing-field', message: `The field \`${field}\` is missing${within}.`, at: 'value' },
    ]
  }
  const name = path.length > 0 ? `\`${pathText(path)}\`` : 'The spec'
  const hint = at === null ? 'It is empty: give it a value or remove the field.' : undefined
  return [{ path, code: 'invalid-value', message: `${name}: ${sentence(issue.message)}`, hint, at: 'value' }]
}

/** Of several alternatives, the one that the value comes nearest to: a shape that fits in type, with the fewest misfits. */
function bestAlternative(told: readonly Misfit[][], path: Path, value: Json | undefined): Misfit[] {
  const deep = told.filter(alternative => alternative.every(misfit => misfit.path.length > path.length))
  if (deep.length > 0) return [...deep].sort((a, b) => a.length - b.length)[0] ?? []
  if (value === undefined) return told[0]?.slice(0, 1) ?? []
  const messages = [...new Set(told.flatMap(alternative => alternative.map(misfit => misfit.message)))]
  const name = `\`${pathText(path)}\``
  const texts = messages.map(message => message.replace(`${name}: `, '').replace(/\.$/, ''))
  const message = `${name}: ${anyOf(texts)}.`
  return [{ path, code: 'invalid-value', message, at: 'value' }]
}

function sentence(text: string): string {
  const told = inWords(text)
  return /[.!?]$/.test(told) ? told : `${told}.`
}

function valueAt(root: Json, path: Path): Json | undefined {
  let value: Json | undefined = root
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined
    value = (value as Record<string, Json>)[segment]
  }
  return value
}

/** A path as people read it: `dataDisks[1].device`. */
export function pathText(path: Path): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else text += text === '' ? segment : `.${segment}`
  }
  return text
}
