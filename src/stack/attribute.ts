/** The value of a resource's attribute that another refers to. */
import { createHash } from 'node:crypto'
import type { Address } from '../model/address.js'
import { type Attributes, canonicalJson, isObject, isUnresolved, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { DesiredResource } from './desired.js'
import type { Outcome } from './interpolate.js'
import { meant } from './nearest.js'
import { overlaps, pathOf, walk } from './paths.js'
import { declares, fieldsAt } from './schema-shape.js'
import type { Segment } from './template-text.js'

/** What was recorded or observed of a resource that exists. */
export interface Known {
  readonly spec: Attributes
  readonly facts: Attributes
}

/** Known values by address; undefined for a resource that does not exist yet, or was not looked at. */
export type FactsOf = (address: Address) => Known | undefined

/**
 * The attribute as far as it can be told now: what the target's document says of itself, else what was observed of it. One
 * that the kind declares but nobody knows yet comes `later`; one that the kind does not know is a problem.
 */
export function attributeOf(
  target: DesiredResource,
  kind: Kind,
  segments: readonly Segment[],
  laterText: () => string,
  known: Known | undefined,
): Outcome {
  const [first, ...rest] = segments
  if (!first) {
    const message = `\`\${${laterText()}}\` names a resource, but none of its attributes.`
    return { problem: { code: 'invalid-reference', message, hint: 'Add one: `.name`, for example.' } }
  }
  const meta = metadataOf(target, kind, first, rest)
  if (meta !== undefined) return { value: meta, sensitive: false }
  const explicit = first.name === 'spec' && rest.length > 0
  const path = explicit ? rest : segments
  const own = walk(target.spec, path, kind.keyedLists)
  if (own.value !== undefined) {
    const sensitive = isSensitive(target, kind, pathOf(own.path, target.spec, kind.keyedLists))
    if (isUnresolved(own.value) || holdsUnresolved(own.value)) return { later: laterText(), sensitive }
    return { value: own.value, sensitive }
  }
  const names = path.map(segment => segment.name)
  const isFact = !explicit && Object.hasOwn(kind.facts, first.name)
  const isDeclared = declares(kind.schema, names)
  if (!isFact && !isDeclared) return { problem: unknownAttribute(target, kind, names) }
  const sensitive = isSensitive(target, kind, names.join('.'))
  const value = known && observed(known, path, kind, explicit)
  if (isFact && isSecretFact(kind, first.name))
    return { later: laterText(), sensitive: true, secret: secretDigest(value) }
  return value === undefined ? { later: laterText(), sensitive } : { value, sensitive }
}

/** Whether what is observed under this name is a secret. */
export function isSecretFact(kind: Kind, name: string): boolean {
  return Object.hasOwn(kind.facts, name) && kind.sensitive.includes(name)
}

/** See `Unresolved.$secret`. */
export function secretDigest(value: Json | undefined): string {
  if (value === undefined) return '?'
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16)
}

/** The attribute of a resource that exists: for the time of an apply, when it must be known. */
export function knownAttribute(
  known: Known,
  kind: Kind | undefined,
  segments: readonly Segment[],
): Json | undefined {
  const [first, ...rest] = segments
  const explicit = first?.name === 'spec' && rest.length > 0
  return observed(known, explicit ? rest : segments, kind, explicit)
}

function observed(
  known: Known,
  path: readonly Segment[],
  kind: Kind | undefined,
  specOnly: boolean,
): Json | undefined {
  const lists = kind?.keyedLists ?? {}
  const declared = walk(known.spec, path, lists).value
  if (declared !== undefined && declared !== null) return declared
  return specOnly ? undefined : (walk(known.facts, path, lists).value ?? undefined)
}

function metadataOf(
  target: DesiredResource,
  kind: Kind,
  first: Segment,
  rest: readonly Segment[],
): Json | undefined {
  if (first.name === 'name' && rest.length === 0) return target.name
  if (first.name === 'metadata') {
    const [field, ...below] = rest
    if (!field) return undefined
    return metadataOf(target, kind, field, below)
  }
  if (first.name !== 'labels' && first.name !== 'annotations') return undefined
  if (declares(kind.schema, [first.name])) return undefined
  // A label's own name may have dots in it.
  const texts = target[first.name]
  const name = rest.map(segment => segment.name).join('.')
  return name === '' ? texts : Object.hasOwn(texts, name) ? texts[name] : undefined
}

function unknownAttribute(target: DesiredResource, kind: Kind, names: readonly string[]) {
  const holder = names.slice(0, -1)
  const last = names[names.length - 1] ?? ''
  const top = ['name', 'labels', ...Object.keys(kind.facts), ...fieldsAt(kind.schema, [])]
  const known = holder.length === 0 || !declares(kind.schema, holder) ? top : fieldsAt(kind.schema, holder)
  const wrong = known === top ? (names[0] ?? '') : last
  return {
    code: 'unknown-attribute',
    message: `${target.address} has no attribute \`${names.join('.')}\`.`,
    hint: meant(wrong, known),
  }
}

/** Whether the path holds, is in, or is a secret. A kind lists its secret facts beside its secret fields. */
function isSensitive(target: DesiredResource, kind: Kind, path: string): boolean {
  return (
    target.sensitive.some(secret => overlaps(secret, path)) ||
    kind.sensitive.some(pattern => overlaps(pattern.replaceAll('[]', ''), path.replace(/\[[^\]]*\]/g, '')))
  )
}

function holdsUnresolved(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isObject(value)) return isUnresolved(value) || Object.values(value).some(holdsUnresolved)
  return value.some(holdsUnresolved)
}
