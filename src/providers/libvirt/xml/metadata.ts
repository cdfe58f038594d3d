/**
 * What infra writes on an object of libvirt: who owns it, its labels, and the document that it was made from, as Foundry did,
 * without its secrets. Kept in a namespace of its own, which libvirt carries along and never reads.
 */
import type { Attributes, Json } from '../../../model/value.js'
import { canonicalJson, isObject } from '../../../model/value.js'
import type { Owner } from '../../provider.js'
import { element, elements, find, textElement, textOf, type XmlElement } from './tree.js'

export const namespace = 'https://infra.dev/xmlns/v1'
export const prefix = 'infra'

export interface Metadata {
  readonly owner?: Owner
  readonly labels?: Readonly<Record<string, string>>
  /** The canonical spec without its secrets. */
  readonly document?: Attributes | undefined
  /** SHA-256 of the seed's bytes: what cloud-init was told, without telling it. */
  readonly seed?: string
}

/** The one element that goes into `<metadata>`, or to libvirt’s call that sets metadata. */
export function metadataElement(metadata: Metadata): XmlElement {
  const { owner, labels, document, seed } = metadata
  return element(
    `${prefix}:resource`,
    { [`xmlns:${prefix}`]: namespace },
    owner && element(`${prefix}:owner`, { lineage: owner.lineage, address: owner.address }),
    labels && Object.keys(labels).length > 0
      ? textElement(`${prefix}:labels`, canonicalJson(labels))
      : undefined,
    document && textElement(`${prefix}:document`, canonicalJson(document)),
    seed === undefined ? undefined : element(`${prefix}:seed`, { sha256: seed }),
  )
}

/** What an object says about itself: nothing where infra never wrote on it. Broken parts are left out. */
export function readMetadata(root: XmlElement): Metadata {
  const holder = find(root, 'metadata')
  const own = holder && elements(holder).find(isOwn)
  if (own === undefined) return {}
  const mark = own.name.includes(':') ? `${own.name.split(':')[0]}:` : ''
  const owner = find(own, `${mark}owner`)?.attributes
  const labels = json(textOf(find(own, `${mark}labels`)))
  const text = textOf(find(own, `${mark}document`))
  let document: Json | undefined
  const seed = find(own, `${mark}seed`)?.attributes.sha256
  const read: { -readonly [K in keyof Metadata]: Metadata[K] } = {
    // parsed for who asks: every plan reads every machine, and few look at it
    get document() {
      document ??= json(text)
      return isObject(document) ? document : undefined
    },
  }
  const { lineage, address } = owner ?? {}
  if (lineage !== undefined && address !== undefined) read.owner = { lineage, address }
  if (isObject(labels)) read.labels = texts(labels)
  if (seed !== undefined) read.seed = seed
  return read
}

function isOwn(candidate: XmlElement): boolean {
  const [mark, name] = candidate.name.includes(':') ? candidate.name.split(':') : [undefined, candidate.name]
  return (
    name === 'resource' && candidate.attributes[mark === undefined ? 'xmlns' : `xmlns:${mark}`] === namespace
  )
}

/** Undefined for what somebody else wrote. */
function json(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Json
  } catch {
    // somebody else wrote it
    return undefined
  }
}

function texts(record: Attributes): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** The spec without the values at these paths (`cloudInit.passwordHash`, `dataDisks[].source.rbd.key`). */
export function withoutSecrets(spec: Attributes, sensitive: readonly string[]): Attributes {
  return sensitive.reduce((rest, path) => without(rest, path.split('.')) as Attributes, spec)
}

function without(value: Json, path: readonly string[]): Json {
  const [head, ...rest] = path
  if (head === undefined || !isObject(value)) return value
  const isList = head.endsWith('[]')
  const key = isList ? head.slice(0, -2) : head
  const inner = value[key]
  if (inner === undefined) return value
  if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
  const cut =
    isList && Array.isArray(inner) ? inner.map((item: Json) => without(item, rest)) : without(inner, rest)
  return { ...value, [key]: cut }
}
