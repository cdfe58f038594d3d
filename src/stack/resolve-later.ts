/** Resolves what was left open in a resource, when all that it depends on exists. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { type Attributes, isObject, isUnresolved, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import { type FactsOf, isSecretFact, knownAttribute, secretDigest } from './attribute.js'
import { pathText } from './check-spec.js'
import type { DesiredResource } from './desired.js'
import { finishSpec, sensitivePaths } from './finish.js'
import { interpolateText, type Outcome } from './interpolate.js'
import type { Path } from './problems.js'
import { findTarget, laterText } from './scope.js'
import type { Reference } from './template-text.js'

/**
 * The resource with its remaining references resolved, checked again and canonical: for a step that is about to run. Throws
 * an `InfraError` where something still cannot be resolved or does not fit. `kindOf` finds the kinds of dependencies, for the
 * keys of their lists; without it elements are found by index or name. With `kept`, what refers to a secret of another resource
 * stays a reference: so it is recorded.
 */
export function resolveResource(
  resource: DesiredResource,
  factsOf: FactsOf,
  kind: Kind,
  kindOf: (kind: string) => Kind | undefined = () => undefined,
  secrets: 'resolved' | 'kept' = 'resolved',
): DesiredResource {
  const known = new Set<Address>(resource.dependencies)
  const texts = new Map()
  const later: Path[] = []
  const lookUp = (reference: Reference): Outcome => {
    const target = findTarget(reference, undefined, address => known.has(address))
    const found = target && factsOf(target.address)
    const value = found && knownAttribute(found, kindOf(reference.root), target.segments)
    const name = target?.segments[0]?.name ?? ''
    const owner = kindOf(reference.root)
    if (secrets === 'kept' && owner && isSecretFact(owner, name))
      return { later: laterText(reference, undefined), sensitive: true, secret: secretDigest(value) }
    if (value !== undefined && !isUnresolved(value)) return { value, sensitive: false }
    const why = !target
      ? 'It names no resource that this one depends on.'
      : found
        ? `${target.address} exists, but does not have it.`
        : `${target.address} was not found.`
    return {
      problem: { code: 'unresolved-reference', message: `\`${reference.raw}\` cannot be resolved.`, why },
    }
  }
  const spec = mapUnresolved(resource.spec, [], (text, path) =>
    interpolateText(
      text,
      {
        texts,
        lookUp,
        onSensitive: () => {},
        onLater: at => later.push(at),
        onProblem: (at, _raw, problem) => {
          throw failure(resource, problem?.code, problem?.message, {
            why: problem?.why,
            hint:
              problem?.hint ??
              `It is needed for \`${pathText(at)}\`. Run the apply again once the value is there.`,
          })
        },
      },
      path,
    ),
  ) as Attributes
  if (spec === resource.spec) return resource
  const { name, labels, annotations, managed } = resource
  const finished = finishSpec(kind, spec, { name, labels, annotations }, managed, later)
  if (finished.problems) {
    const [first] = finished.problems
    throw failure(resource, first?.code, first?.message, {
      why: 'A value that was known only now does not fit.',
      hint: first?.hint,
    })
  }
  const kept = resource.sensitive
  return { ...resource, spec: finished.spec, sensitive: sensitivePaths(kind, finished.spec, kept) }
}

function failure(
  resource: DesiredResource,
  code = 'unresolved-reference',
  message = 'A reference cannot be resolved.',
  more: { readonly why: string | undefined; readonly hint: string | undefined },
): InfraError {
  const { why, hint } = more
  return new InfraError({
    kind: 'validation',
    code,
    message,
    address: resource.address,
    place: { ...resource.source, column: 1 },
    ...(why !== undefined && { why }),
    ...(hint !== undefined && { hint }),
  })
}

/** The value with every `Unresolved` in it replaced; the same object where there is none. Other texts are left alone. */
function mapUnresolved(value: Json, path: Path, replace: (text: string, path: Path) => Json): Json {
  if (typeof value !== 'object' || value === null) return value
  if (isUnresolved(value)) return replace(value.$unresolved, path)
  if (!isObject(value)) {
    let changed = false
    const items = value.map((item, index) => {
      const next = mapUnresolved(item, [...path, index], replace)
      if (next !== item) changed = true
      return next
    })
    return changed ? items : value
  }
  let copy: Record<string, Json> | undefined
  for (const key of Object.keys(value)) {
    const next = mapUnresolved(value[key] as Json, [...path, key], replace)
    if (next === value[key]) continue
    copy ??= { ...value }
    copy[key] = next
  }
  return copy ?? value
}
