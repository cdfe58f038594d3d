/** Puts values in the place of `${…}` in a document's values. What a reference comes to is the caller's to say. */
import { isObject, type Json } from '../model/value.js'
import type { Path } from './problems.js'
import {
  escapeReferences,
  type Part,
  parseTemplateText,
  type Reference,
  type TemplateText,
} from './template-text.js'

/** What a reference comes to. */
export type Outcome =
  | { readonly value: Json; readonly sensitive: boolean }
  /** Known only later; the reference as it can be resolved then, without `${` and `}`. */
  | {
      readonly later: string
      readonly sensitive: boolean
      /** See `Unresolved.$secret`. */
      readonly secret?: string
    }
  | { readonly problem: ReferenceProblem }
  /** It cannot be told because of something that was reported already. */
  | { readonly failed: true }

export interface ReferenceProblem {
  readonly code: string
  readonly message: string
  readonly why?: string | undefined
  readonly hint?: string | undefined
  readonly kind?: 'configuration' | 'validation'
}

export interface Interpolation {
  lookUp(reference: Reference): Outcome
  /** Told of a place whose value holds a secret. */
  onSensitive(path: Path): void
  /** Told of a place whose value is known only later. */
  onLater(path: Path): void
  /** Told of what is wrong; `raw` is the text to be marked. Without a problem, it was told before. */
  onProblem(path: Path, raw: string, problem: ReferenceProblem | undefined): void
  /** Texts that were cut before; many are alike. */
  readonly texts: Map<string, TemplateText>
}

/** The value with every reference in its strings (not in its keys) resolved; the same object where there is none. */
export function interpolate(value: Json, into: Interpolation, path: Path = []): Json {
  if (typeof value === 'string') return value.includes('${') ? interpolateText(value, into, path) : value
  if (Array.isArray(value)) {
    let changed = false
    const items = (value as readonly Json[]).map((item, index) => {
      const next = interpolate(item, into, [...path, index])
      if (next !== item) changed = true
      return next
    })
    return changed ? items : value
  }
  if (!isObject(value)) return value
  let copy: Record<string, Json> | undefined
  for (const key of Object.keys(value)) {
    const item = value[key] as Json
    if (item === null || (typeof item !== 'object' && typeof item !== 'string')) continue
    const next = interpolate(item, into, [...path, key])
    if (next === item) continue
    copy ??= { ...value }
    copy[key] = next
  }
  return copy ?? value
}

/** The references in a text, in their order; what is broken is left to `interpolate` to tell. */
export function referencesIn(text: string, texts: Map<string, TemplateText>): readonly Part[] {
  const parsed = parseOnce(text, texts)
  return 'parts' in parsed ? parsed.parts : []
}

function parseOnce(text: string, texts: Map<string, TemplateText>): TemplateText {
  let parsed = texts.get(text)
  if (!parsed) {
    parsed = parseTemplateText(text)
    texts.set(text, parsed)
  }
  return parsed
}

/** One text with its references resolved. */
export function interpolateText(text: string, into: Interpolation, path: Path): Json {
  const parsed = parseOnce(text, into.texts)
  if ('broken' in parsed) {
    const { raw, message, hint } = parsed.broken
    into.onProblem(path, raw, { code: 'invalid-reference', message, hint })
    return { $unresolved: '' }
  }
  const { parts } = parsed
  const whole = parts.length === 1
  let plain = ''
  let template = ''
  let pending = ''
  let later = false
  let failed = false
  let sensitive = false
  const secrets: string[] = []
  for (const part of parts) {
    if (typeof part === 'string') {
      plain += part
      pending += part
      continue
    }
    const outcome = into.lookUp(part)
    if ('failed' in outcome || 'problem' in outcome) {
      failed = true
      into.onProblem(path, part.raw, 'problem' in outcome ? outcome.problem : undefined)
      continue
    }
    if (outcome.sensitive) sensitive = true
    if ('later' in outcome) {
      later = true
      if (outcome.secret !== undefined) secrets.push(outcome.secret)
      template += `${escapeReferences(pending, true)}\${${outcome.later}}`
      pending = ''
      continue
    }
    const { value } = outcome
    if (whole) {
      if (sensitive) into.onSensitive(path)
      return value
    }
    if (typeof value === 'object') {
      failed = true
      const what = value === null ? 'nothing (null)' : Array.isArray(value) ? 'a list' : 'a map'
      into.onProblem(path, part.raw, {
        code: 'invalid-reference',
        message: `\`${part.raw}\` is ${what}, which cannot stand inside a text.`,
        hint: 'Let the reference be the whole value, or refer to a part of it.',
      })
      continue
    }
    plain += String(value)
    pending += String(value)
  }
  // What is wrong was told; the rest is checked as if this were known later.
  if (failed) return { $unresolved: '' }
  if (sensitive) into.onSensitive(path)
  if (!later) return plain
  into.onLater(path)
  return {
    $unresolved: template + escapeReferences(pending, false),
    ...(secrets.length > 0 && { $secret: secrets.includes('?') ? '?' : secrets.join('.') }),
  }
}
