// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** What a reference names: a variable, an environment variable, the current instance, or a resource's attribute. */
import type { Address } from '../model/address.js'
import type { Json } from '../model/value.js'
import type { Outcome, ReferenceProblem } from './interpolate.js'
import { meant } from './nearest.js'
import { walk } from './paths.js'
import { type Reference, type Segment, segmentsText } from './template-text.js'
import type { Values } from './variables.js'

/** The current instance of a forEach. */
export interface Each {
  readonly key: string
  readonly value: Json
  readonly sensitive: boolean
}

const noLists: Readonly<Record<string, string>> = {}

/** The value of a reference that names no resource; undefined for one that does. */
export function lookUpValue(
  reference: Reference,
  values: Values,
  each: Each | undefined,
): Outcome | undefined {
  const [first, ...rest] = reference.segments
  if (!first) return undefined
  switch (reference.root) {
    case 'var':
      return lookUpVariable(reference, first, rest, values)
    case 'env':
      return lookUpEnvironment(reference, first, rest, values)
    case 'each':
      return lookUpEach(reference, first, rest, each)
    default:
      return undefined
  }
}

/** The same where no resource may be named, as `why` says: one that does is a problem. */
export function lookUpKnown(
  reference: Reference,
  values: Values,
  each: Each | undefined,
  why: string,
): Outcome {
  return (
    lookUpValue(reference, values, each) ?? {
      problem: {
        code: 'invalid-reference',
        message: `\`${reference.raw}\` cannot be used here.`,
        why,
        hint: 'Refer to variables and the instance: ${var.NAME}, ${env.NAME}, ${each.key}.',
      },
    }
  )
}

function lookUpVariable(
  reference: Reference,
  first: Segment,
  rest: readonly Segment[],
  values: Values,
): Outcome {
  const variable = values.variables.get(first.name)
  if (!variable) {
    if (values.broken.has(first.name)) return { failed: true }
    const known = [...values.variables.keys(), ...values.broken]
    return {
      problem: {
        code: 'unknown-variable',
        message: `There is no variable \`${first.name}\`.`,
        hint: meant(first.name, known) ?? 'Declare it under `spec.variables` of the Stack document.',
      },
    }
  }
  const { value } = walk(variable.value, rest, noLists)
  if (value === undefined) return { problem: missingPart(reference, `the variable \`${first.name}\``) }
  return { value, sensitive: variable.sensitive }
}

function lookUpEnvironment(
  reference: Reference,
  first: Segment,
  rest: readonly Segment[],
  values: Values,
): Outcome {
  const { name } = first
  if (rest.length > 0) return { problem: missingPart(reference, `the environment variable \`${name}\``) }
  if (!values.environment.has(name)) {
    return {
      problem: {
        code: 'undeclared-environment',
        message: `The stack does not declare that it reads the environment variable \`${name}\`.`,
        why: 'A stack reads only what it says it reads.',
        hint:
          meant(name, values.environment.keys()) ??
          'Add the name to `spec.environment` of the Stack document.',
      },
    }
  }
  const value = values.environment.get(name)
  if (value === undefined) {
    const message = `The environment variable \`${name}\` is not set.`
    const hint = `Set it, or use a variable with a default.`
    return { problem: { code: 'missing-environment', message, hint, kind: 'configuration' } }
  }
  return { value, sensitive: false }
}

function lookUpEach(
  reference: Reference,
  first: Segment,
  rest: readonly Segment[],
  each: Each | undefined,
): Outcome {
  if (!each) {
    const hint = 'Give the document a `metadata.forEach` with a list or a map.'
    const message = `\`${reference.raw}\` has no meaning without a forEach.`
    return { problem: { code: 'invalid-reference', message, hint } }
  }
  if (first.name === 'key' && rest.length === 0) return { value: each.key, sensitive: each.sensitive }
  if (first.name !== 'value') {
    const hint = 'There are ${each.key}, ${each.value} and ${each.value.path}.'
    return { problem: { code: 'invalid-reference', message: `There is no \`${reference.raw}\`.`, hint } }
  }
  const { value } = walk(each.value, rest, noLists)
  if (value === undefined)
    return { problem: missingPart(reference, `the element \`${each.key}\` of the forEach`) }
  return { value, sensitive: each.sensitive }
}

function missingPart(reference: Reference, whole: string): ReferenceProblem {
  return {
    code: 'unknown-attribute',
    message: `There is no \`${reference.text}\`.`,
    why: `It is no part of ${whole}.`,
  }
}

/** A resource that a reference names, and the path behind its name. */
export interface Target {
  readonly address: Address
  readonly segments: readonly Segment[]
}

/** The reference with nothing of the current instance in it, as it can be resolved later. */
export function laterText(reference: Reference, each: Each | undefined): string {
  return `${reference.root}${segmentsText(reference.segments.map(segment => withEach(segment, each)))}`
}

/**
 * Finds which resource a reference names. A name may have dots in it: the longest that there is counts. In brackets,
 * `each.key` and `each.value` stand for the current instance's.
 */
export function findTarget(
  reference: Reference,
  each: Each | undefined,
  has: (address: Address) => boolean,
): Target | undefined {
  const segments = each ? reference.segments.map(segment => withEach(segment, each)) : reference.segments
  const bracket = segments.findIndex(segment => segment.bracket)
  for (let take = bracket < 0 ? segments.length : bracket; take > 0; take--) {
    let address = `${reference.root}/${segments[0]?.name}`
    for (let index = 1; index < take; index++) address += `.${segments[index]?.name}`
    const next = segments[take]
    if (next?.bracket) {
      const keyed = `${address}[${next.name}]`
      if (has(keyed)) return { address: keyed, segments: segments.slice(take + 1) }
    }
    if (has(address)) return { address, segments: segments.slice(take) }
  }
  return undefined
}

function withEach(segment: Segment, each: Each | undefined): Segment {
  if (!segment.bracket || !each) return segment
  if (segment.name === 'each.key') return { name: each.key, bracket: true }
  if (segment.name === 'each.value' && typeof each.value !== 'object') {
    return { name: String(each.value), bracket: true }
  }
  return segment
}
