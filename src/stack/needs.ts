/** Which other resources a resource needs, by reference or by `dependsOn`. */
import { type Address, parseAddress } from '../model/address.js'
import { isObject, type Json } from '../model/value.js'
import type { Instance } from './expand.js'
import { referencesIn } from './interpolate.js'
import { nearest } from './nearest.js'
import type { Path, Problems } from './problems.js'
import { type Each, findTarget, type Target } from './scope.js'
import type { Reference, TemplateText } from './template-text.js'

export type Find = (reference: Reference, each: Each | undefined) => Target | undefined

export interface Lookup {
  readonly find: Find
  has(address: Address): boolean
  addresses(): Iterable<Address>
  /** Instances of each document with a forEach, by its address without a key. */
  readonly groups: ReadonlyMap<Address, readonly Address[]>
  readonly broken: ReadonlySet<Address>
  readonly texts: Map<string, TemplateText>
  readonly problems: Problems
  /** Searches for the nearest address that are left: each looks at all of them. */
  hints: number
}

/** Looks for resources among all instances. */
export function createLookup(
  instances: ReadonlyMap<Address, Instance>,
  groups: ReadonlyMap<Address, readonly Address[]>,
  context: Pick<Lookup, 'broken' | 'texts' | 'problems'>,
): Lookup {
  const has = (address: Address): boolean => instances.has(address)
  // Many documents hold the same text: what its reference names is searched for once, unless an instance has a part in it.
  const known = new Map<Reference, Target | undefined>()
  const find: Find = (reference, each) => {
    if (each) return findTarget(reference, each, has)
    if (known.has(reference)) return known.get(reference)
    const target = findTarget(reference, undefined, has)
    known.set(reference, target)
    return target
  }
  const { broken, texts, problems } = context
  return { find, has, addresses: () => instances.keys(), groups, broken, texts, problems, hints: 50 }
}

/** Addresses of what an instance needs, each once; tells of those that are not there. */
export function needsOf(instance: Instance, lookup: Lookup): readonly Address[] {
  const { address, dependsOn, raw } = instance
  const needs = new Set<Address>()
  for (const [index, wanted] of dependsOn.entries()) {
    const group = lookup.groups.get(wanted)
    if (group) {
      for (const member of group) needs.add(member)
    } else if (lookup.has(wanted)) {
      needs.add(wanted)
    } else if (!lookup.broken.has(wanted.replace(/\[.*$/, ''))) {
      lookup.problems.add({
        code: 'unknown-resource',
        message: `${address} depends on ${JSON.stringify(wanted)}, which is not in the stack.`,
        hint: parseAddress(wanted) ? nearAddress(wanted, lookup) : 'Write it as Kind/name.',
        address,
        document: raw.document,
        path: ['metadata', 'dependsOn', index],
      })
    }
  }
  if (instance.references) collectNeeds(instance.spec, [], instance, needs, lookup)
  return needs.size === 0 ? none : [...needs]
}

const none: readonly Address[] = Object.freeze([])

/** Adds every resource that a value refers to, and tells of those that are not there. */
function collectNeeds(
  value: Json,
  path: Path,
  instance: Instance,
  needs: Set<Address>,
  lookup: Lookup,
): void {
  if (typeof value === 'string') {
    if (!value.includes('${')) return
    for (const part of referencesIn(value, lookup.texts)) {
      if (typeof part === 'string' || part.root === 'var' || part.root === 'env' || part.root === 'each')
        continue
      const target = lookup.find(part, instance.each)
      if (target) needs.add(target.address)
      else if (!isBroken(part, lookup.broken)) tellMissing(part, path, instance, lookup)
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collectNeeds(item, [...path, index], instance, needs, lookup)
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      const item = value[key] as Json
      if (typeof item === 'string' ? item.includes('${') : typeof item === 'object') {
        collectNeeds(item, [...path, key], instance, needs, lookup)
      }
    }
  }
}

function tellMissing(reference: Reference, path: Path, instance: Instance, lookup: Lookup): void {
  const { root, raw, segments } = reference
  const [first, second] = segments
  const base = `${root}/${first?.name}`
  const wanted = second?.bracket ? `${base}[${second.name}]` : base
  const group = lookup.groups.get(base)
  const one = (group?.[0] && parseAddress(group[0])?.key) ?? 'KEY'
  const keyless = group !== undefined && !second?.bracket
  lookup.problems.add({
    code: 'unknown-resource',
    message: keyless
      ? `\`${raw}\` does not say which instance of ${base} it means.`
      : `${instance.address} refers to ${wanted}, which is not in the stack.`,
    hint: keyless
      ? `Write its key: \`\${${root}.${first?.name}[${one}].…}\`, or \`[each.key]\`.`
      : (nearRoot(raw, root) ?? nearAddress(wanted, lookup)),
    address: instance.address,
    document: instance.raw.document,
    orIn: instance.templates,
    path: ['spec', ...path],
    find: raw,
  })
}

/** `${vars.size}` and `${local.size}` name no kind: it is a variable, the environment or an instance that was meant. */
function nearRoot(raw: string, root: string): string | undefined {
  if (/^[A-Z]/.test(root)) return undefined
  const near = nearest(root, ['var', 'env', 'each'])[0]
  return near === undefined ? undefined : `Did you mean \`${raw.replace(root, near)}\`?`
}

function isBroken(reference: Reference, broken: ReadonlySet<Address>): boolean {
  if (broken.size === 0) return false
  return (
    findTarget({ ...reference, segments: plainSegments(reference) }, undefined, address =>
      broken.has(address),
    ) !== undefined
  )
}

function plainSegments(reference: Reference): Reference['segments'] {
  const bracket = reference.segments.findIndex(segment => segment.bracket)
  return bracket < 0 ? reference.segments : reference.segments.slice(0, bracket)
}

function nearAddress(wanted: Address, lookup: Lookup): string | undefined {
  if (lookup.hints-- <= 0) return undefined
  const near = nearest(wanted, lookup.addresses(), 2)
  if (near.length > 0) return `Did you mean ${near.join(' or ')}?`
  const name = wanted.slice(wanted.indexOf('/') + 1)
  for (const address of lookup.addresses()) {
    if (address.slice(address.indexOf('/') + 1) === name) return `Did you mean ${address}?`
  }
  return 'Add a document for it; with `metadata.managed: false` where infra shall only read it.'
}
