// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** From documents to resources: forEach makes instances, metadata gets its values, and every address is given once. */
import { type Address, formatAddress } from '../model/address.js'
import { type Attributes, type Json, scalarText } from '../model/value.js'
import type { KindMeta } from '../providers/kind.js'
import type { RawResource } from './envelope.js'
import { elementsOf, evaluate, failed, type MetadataScope } from './for-each.js'
import { type Merged, type Templates, withTemplate } from './merge.js'
import { createLookup, type Find, needsOf } from './needs.js'
import type { ParsedDocument, Path, Problems } from './problems.js'
import type { Each } from './scope.js'

/** A resource whose address, names and references are known, and whose spec is still as written. */
export interface Instance {
  readonly address: Address
  readonly raw: RawResource
  /** Documents of the templates that its spec may come from, too. */
  readonly templates: readonly ParsedDocument[]
  readonly each: Each | undefined
  /** With the object's name as the system below has it. */
  readonly meta: KindMeta
  readonly spec: Attributes
  /** Whether a string of the spec may hold `${`. */
  readonly references: boolean
  readonly dependsOn: readonly string[]
  /** Resources that it needs by reference or `dependsOn`. */
  readonly needs: readonly Address[]
}

export interface Expansion extends MetadataScope {
  readonly templates: Templates
  /** Addresses (without keys) of documents with problems of their own: nobody is told that these are missing. */
  readonly broken: Set<Address>
}

export interface Index {
  readonly instances: ReadonlyMap<Address, Instance>
  /**
   * Addresses by kind and by the object's name in the system below, alone (the first where several have the same) and as
   * `objectKey` has it.
   */
  readonly objects: ReadonlyMap<string, ReadonlyMap<string, Address>>
  /** The resource of the stack that a reference names. */
  readonly find: Find
}

/** All instances of all documents, with what each of them needs. */
export function expandAll(resources: readonly RawResource[], context: Expansion): Index {
  const instances = new Map<Address, Instance & { needs: readonly Address[] }>()
  const groups = new Map<Address, Address[]>()
  const objects = new Map<string, Map<string, Address>>()
  const seen = new Map<string, Map<string, RawResource>>()
  for (const raw of resources) {
    const { kind } = raw.kind
    const base = formatAddress({ kind, name: raw.name })
    const first = addOnce(seen, kind, raw.name.toLowerCase(), raw)
    if (first !== raw) {
      tellDuplicate(raw, first, base, context.problems)
      continue
    }
    const merged = withTemplate(raw, context.templates, context.problems)
    if (!merged) {
      context.broken.add(base)
      continue
    }
    const before = context.problems.count
    const keys = raw.forEach === undefined ? single : elementsOf(raw, raw.forEach, base, context)
    const group: Address[] = []
    if (raw.forEach !== undefined) groups.set(base, group)
    for (const each of keys) {
      const address = each ? `${base}[${each.key}]` : base
      const instance = instanceOf(address, raw, merged, each, context)
      if (!instance) continue
      instances.set(address, instance)
      if (each) group.push(address)
      const connection = raw.kind.connection?.(instance.spec)
      for (const name of [instance.meta.name, raw.kind.alsoCalled?.(instance.spec)]) {
        if (name === undefined) continue
        addOnce(objects, kind, name, address)
        if (connection !== undefined) addOnce(objects, kind, objectKey(connection, name), address)
      }
    }
    if (context.problems.count > before) context.broken.add(base)
  }
  const lookup = createLookup(instances, groups, context)
  for (const instance of instances.values()) {
    if (instance.references || instance.dependsOn.length > 0) instance.needs = needsOf(instance, lookup)
  }
  return { instances, objects, find: lookup.find }
}

/** The same name means another object on each host. */
export function objectKey(connection: string, name: string): string {
  return `${connection}\n${name}`
}

const single: readonly undefined[] = [undefined]
const none: readonly Address[] = Object.freeze([])

/** Puts a value where none is yet; gives the one that is there. */
function addOnce<T>(index: Map<string, Map<string, T>>, kind: string, name: string, value: T): T {
  let ofKind = index.get(kind)
  if (!ofKind) {
    ofKind = new Map()
    index.set(kind, ofKind)
  }
  const there = ofKind.get(name)
  if (there !== undefined) return there
  ofKind.set(name, value)
  return value
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

function instanceOf(
  address: Address,
  raw: RawResource,
  merged: Merged,
  each: Each | undefined,
  context: Expansion,
): (Instance & { needs: readonly Address[] }) | undefined {
  const { document, kind } = raw
  const { problems } = context
  const refuseSecret = (path: Path): void => {
    const message = `\`${path.slice(0, 2).join('.')}\` cannot hold a secret.`
    const why = 'It is shown, and written on the real object.'
    problems.add({ document, address, path, code: 'sensitive-name', message, why })
  }
  const before = problems.count
  const text = <T extends Json>(value: T, path: Path): T | typeof failed =>
    document.references && holdsReference(value)
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
  const plain =
    asked === undefined ? (each ? `${raw.name}-${each.key}` : raw.name) : (scalarText(asked) ?? '')
  const name = kind.objectName?.({ name: plain, labels, annotations }) ?? plain
  if (asked !== undefined && !isObjectName(name)) {
    const message = '`metadata.objectName` cannot be that.'
    const hint = 'Use a name without slashes, brackets and white space.'
    problems.add({ document, address, path: ['metadata', 'objectName'], code: 'invalid-name', message, hint })
  }
  if (problems.count > before) return undefined
  const references = document.references || merged.templates.some(template => template.references)
  const meta = { name, labels, annotations }
  return {
    address,
    raw,
    templates: merged.templates,
    each,
    meta,
    spec: merged.spec,
    references,
    dependsOn,
    needs: none,
  }
}

function isObjectName(name: string): boolean {
  return name.length <= 253 && name !== '.' && name !== '..' && /^[^\s/\\[\]\p{C}]+$/u.test(name)
}

function holdsReference(value: Json): boolean {
  if (typeof value === 'string') return value.includes('${')
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsReference)
}
