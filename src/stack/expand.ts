/** From documents to resources: forEach makes instances, metadata gets its values, and every address is given once. */
import { type Address, formatAddress, parseAddress } from '../model/address.js'
import { type Attributes, isObject, type Json } from '../model/value.js'
import type { KindMeta } from '../providers/kind.js'
import { isName, nameHint, type RawResource } from './envelope.js'
import { interpolate, referencesIn } from './interpolate.js'
import { type Templates, withTemplate } from './merge.js'
import { nearest } from './nearest.js'
import type { Path, Problems } from './problems.js'
import { type Each, findTarget, lookUpValue } from './scope.js'
import type { Reference, TemplateText } from './template-text.js'
import type { Values } from './variables.js'

/** A resource whose address, names and references are known, and whose spec is still as written. */
export interface Instance {
  readonly address: Address
  readonly raw: RawResource
  readonly template: RawResource | undefined
  readonly each: Each | undefined
  /** With the object's name as the system below has it. */
  readonly meta: KindMeta
  readonly spec: Attributes
  /** Whether a string of the spec holds `${`. */
  readonly references: boolean
  /** Resources that it needs by reference or `dependsOn`. */
  readonly needs: readonly Address[]
}

export interface Expansion {
  readonly values: Values
  readonly templates: Templates
  readonly texts: Map<string, TemplateText>
  readonly problems: Problems
  /** Addresses (without keys) of documents with problems of their own: nobody is told that these are missing. */
  readonly broken: Set<Address>
}

export interface Index {
  readonly instances: ReadonlyMap<Address, Instance>
  /** Instances of each document with a forEach, by its address without a key. */
  readonly groups: ReadonlyMap<Address, readonly Address[]>
  /** Addresses by `Kind/object name`. */
  readonly objects: ReadonlyMap<string, Address>
}

type Draft = Omit<Instance, 'needs'> & { readonly dependsOn: readonly string[] }

/** All instances of all documents, with what each of them needs. */
export function expandAll(resources: readonly RawResource[], context: Expansion): Index {
  const drafts = new Map<Address, Draft>()
  const groups = new Map<Address, Address[]>()
  const objects = new Map<string, Address>()
  const folded = new Map<string, RawResource>()
  for (const raw of resources) {
    const base = formatAddress({ kind: raw.kind.kind, name: raw.name })
    const lower = base.toLowerCase()
    const first = folded.get(lower)
    if (first) {
      tellDuplicate(raw, first, base, context.problems)
      continue
    }
    folded.set(lower, raw)
    const merged = withTemplate(raw, context.templates, context.problems)
    if (!merged) {
      context.broken.add(base)
      continue
    }
    const before = context.problems.count
    const keys = raw.forEach === undefined ? [undefined] : elementsOf(raw, raw.forEach, base, context)
    if (raw.forEach !== undefined) groups.set(base, [])
    for (const each of keys) {
      const draft = draftOf(raw, merged, each, context)
      if (!draft) continue
      drafts.set(draft.address, draft)
      if (each) groups.get(base)?.push(draft.address)
      const object = `${raw.kind.kind}/${draft.meta.name}`
      if (!objects.has(object)) objects.set(object, draft.address)
    }
    if (context.problems.count > before) context.broken.add(base)
  }
  const lookup = {
    has: (address: Address) => drafts.has(address),
    groups,
    hints: 50,
    addresses: () => drafts.keys(),
  }
  const instances = new Map<Address, Instance>()
  for (const [address, { dependsOn, ...draft }] of drafts) {
    instances.set(address, { ...draft, needs: needsOf(draft, dependsOn, lookup, context) })
  }
  return { instances, groups, objects }
}

function tellDuplicate(raw: RawResource, first: RawResource, address: Address, problems: Problems): void {
  const same = raw.name === first.name
  problems.add({
    code: 'duplicate-name',
    message: same
      ? `There is a second document for ${address}.`
      : `${address} and ${first.kind.kind}/${first.name} differ only in upper and lower case.`,
    why: `The first is in ${first.document.file.name}, line ${first.document.line}.`,
    hint: 'Give one of them another name.',
    document: raw.document,
    path: ['metadata', 'name'],
  })
}

/** The elements of a forEach; none after a problem. */
function elementsOf(raw: RawResource, forEach: Json, address: Address, context: Expansion): Each[] {
  const { document } = raw
  const path: Path = ['metadata', 'forEach']
  const told = { document, address }
  let sensitive = false
  const before = context.problems.count
  const value = evaluate(forEach, raw, undefined, path, context, () => {
    sensitive = true
  })
  if (context.problems.count > before || value === failed) return []
  if (sensitive) {
    const message = 'A forEach cannot go over secrets.'
    const why = 'Its keys become part of addresses, which are shown.'
    context.problems.add({ ...told, path, code: 'sensitive-name', message, why })
    return []
  }
  let entries: [Json | undefined, Json][]
  if (Array.isArray(value)) {
    entries = (value as readonly Json[]).map(item => [isObject(item) ? (item.key ?? item.name) : item, item])
  } else if (isObject(value)) {
    entries = Object.entries(value)
  } else {
    const message = '`metadata.forEach` must be a list or a map.'
    context.problems.add({ ...told, path, code: 'invalid-value', message })
    return []
  }
  const seen = new Set<string>()
  const elements: Each[] = []
  for (const [index, [raw, item]] of entries.entries()) {
    const key = typeof raw === 'string' || typeof raw === 'number' ? String(raw) : undefined
    const at = { ...told, path: Array.isArray(forEach) ? [...path, index] : path }
    if (key === undefined) {
      const message = 'An element of a forEach has no key.'
      const hint = 'Use a list of texts, a list of maps that have a `name` or `key`, or a map.'
      context.problems.add({ ...at, code: 'invalid-value', message, hint })
    } else if (!isName(key)) {
      const message = `A key of a forEach cannot be ${JSON.stringify(key.slice(0, 60))}.`
      context.problems.add({ ...at, code: 'invalid-name', message, hint: nameHint })
    } else if (seen.has(key)) {
      const message = `The key \`${key}\` is twice in the forEach.`
      context.problems.add({ ...at, code: 'duplicate-name', message, hint: 'Remove one of them.' })
    } else {
      seen.add(key)
      elements.push({ key, value: item, sensitive: false })
    }
  }
  return elements
}

const failed = Symbol('failed')

/** A value of the metadata, which may refer to variables, the environment and the instance, but not to resources. */
function evaluate(
  value: Json,
  raw: RawResource,
  each: Each | undefined,
  at: Path,
  { values, texts, problems }: Expansion,
  onSensitive: (path: Path) => void,
): Json | typeof failed {
  let broken = false
  const result = interpolate(
    value,
    {
      texts,
      lookUp: reference =>
        lookUpValue(reference, values, each) ?? {
          problem: {
            code: 'invalid-reference',
            message: `\`${reference.raw}\` cannot be used here.`,
            why: 'What stands in the metadata must be known before any resource is.',
            hint: 'Refer to variables: ${var.NAME}, ${env.NAME}, ${each.key}.',
          },
        },
      onSensitive,
      onLater: () => {},
      onProblem: (path, find, problem) => {
        broken = true
        if (problem) problems.add({ ...problem, document: raw.document, path, find })
      },
    },
    at,
  )
  return broken ? failed : result
}

function draftOf(
  raw: RawResource,
  merged: { readonly spec: Attributes; readonly template?: RawResource },
  each: Each | undefined,
  context: Expansion,
): Draft | undefined {
  const { document, kind } = raw
  const address = formatAddress({ kind: kind.kind, name: raw.name, ...(each && { key: each.key }) })
  const { problems } = context
  const refuseSecret = (path: Path): void => {
    const message = `\`${path.slice(0, 2).join('.')}\` cannot hold a secret.`
    const why = 'It is shown, and written on the real object.'
    problems.add({ document, address, path, code: 'sensitive-name', message, why })
  }
  const before = problems.count
  const text = <T extends Json>(value: T, path: Path): T | typeof failed =>
    document.references
      ? (evaluate(value, raw, each, path, context, refuseSecret) as T | typeof failed)
      : value
  const labels = text(raw.labels, ['metadata', 'labels'])
  const annotations = text(raw.annotations, ['metadata', 'annotations'])
  const dependsOn = text(raw.dependsOn, ['metadata', 'dependsOn'])
  const asked = raw.objectName === undefined ? undefined : text(raw.objectName, ['metadata', 'objectName'])
  if (labels === failed || annotations === failed || dependsOn === failed || asked === failed)
    return undefined
  for (const [field, texts] of [['labels', labels] as const, ['annotations', annotations] as const]) {
    if (texts === raw[field]) continue
    for (const [key, value] of Object.entries(texts as Readonly<Record<string, Json>>)) {
      if (typeof value === 'string') continue
      const path = ['metadata', field, key]
      problems.add({
        document,
        address,
        path,
        code: 'invalid-value',
        message: `\`${path.join('.')}\` must be a text.`,
      })
    }
  }
  const plain = asked === undefined ? (each ? `${raw.name}-${each.key}` : raw.name) : String(asked)
  const name = kind.objectName?.({ name: plain, labels, annotations }) ?? plain
  if (asked !== undefined && !isObjectName(name)) {
    const message = '`metadata.objectName` cannot be that.'
    const hint = 'Use a name without slashes, brackets and white space.'
    problems.add({ document, address, path: ['metadata', 'objectName'], code: 'invalid-name', message, hint })
  }
  if (problems.count > before) return undefined
  const references = document.references || merged.template?.document.references === true
  const meta = { name, labels, annotations }
  return { address, raw, template: merged.template, each, meta, spec: merged.spec, references, dependsOn }
}

function isObjectName(name: string): boolean {
  return name.length <= 253 && name !== '.' && name !== '..' && /^[^\s/\\[\]\p{C}]+$/u.test(name)
}

interface Lookup {
  has(address: Address): boolean
  readonly groups: ReadonlyMap<Address, readonly Address[]>
  addresses(): Iterable<Address>
  /** Searches for the nearest address that are left: each looks at all of them. */
  hints: number
}

function needsOf(
  draft: Omit<Draft, 'dependsOn'>,
  dependsOn: readonly string[],
  lookup: Lookup,
  context: Expansion,
): readonly Address[] {
  if (!draft.references && dependsOn.length === 0) return none
  const { address, raw } = draft
  const { document } = raw
  const needs = new Set<Address>()
  for (const [index, wanted] of dependsOn.entries()) {
    const path = ['metadata', 'dependsOn', index]
    const group = lookup.groups.get(wanted)
    if (group) {
      for (const member of group) needs.add(member)
    } else if (lookup.has(wanted)) {
      needs.add(wanted)
    } else if (!context.broken.has(wanted.replace(/\[.*$/, ''))) {
      const message = `${address} depends on ${JSON.stringify(wanted)}, which is not in the stack.`
      const hint = parseAddress(wanted) ? nearAddress(wanted, lookup) : 'Write it as Kind/name.'
      context.problems.add({ document, address, path, code: 'unknown-resource', message, hint })
    }
  }
  if (draft.references) collectNeeds(draft.spec, [], draft, needs, lookup, context)
  return [...needs]
}

const none: readonly Address[] = Object.freeze([])

/** Adds every resource that a value refers to, and tells of those that are not there. */
function collectNeeds(
  value: Json,
  path: Path,
  draft: Omit<Draft, 'dependsOn'>,
  needs: Set<Address>,
  lookup: Lookup,
  context: Expansion,
): void {
  if (typeof value === 'string') {
    if (!value.includes('${')) return
    for (const part of referencesIn(value, context.texts)) {
      if (typeof part === 'string' || /^(?:var|env|each)$/.test(part.root)) continue
      const target = findTarget(part, draft.each, lookup.has)
      if (target) {
        needs.add(target.address)
        continue
      }
      if (isBroken(part, context.broken)) continue
      const names = part.segments.map(segment => (segment.bracket ? `[${segment.name}]` : segment.name))
      const wanted = `${part.root}/${names[0]}${names[1]?.startsWith('[') ? names[1] : ''}`
      const group = lookup.groups.get(`${part.root}/${names[0]}`)
      const one = group?.[0] && parseAddress(group[0])?.key
      context.problems.add({
        code: 'unknown-resource',
        message: group
          ? `\`${part.raw}\` does not say which instance of ${part.root}/${names[0]} it means.`
          : `${draft.address} refers to ${wanted}, which is not in the stack.`,
        hint: group
          ? `Write its key: \`\${${part.root}.${names[0]}[${one ?? 'KEY'}]…}\`, or [each.key].`
          : nearAddress(wanted, lookup),
        address: draft.address,
        document: draft.raw.document,
        orIn: draft.template?.document,
        path: ['spec', ...path],
        find: part.raw,
      })
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      collectNeeds(item, [...path, index], draft, needs, lookup, context)
  } else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      collectNeeds(value[key] as Json, [...path, key], draft, needs, lookup, context)
    }
  }
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
