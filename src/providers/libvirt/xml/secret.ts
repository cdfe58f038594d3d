/** Secrets of libvirt, which hold the keys of Ceph users. Their value is set apart and is never part of the XML. */
import { createHash } from 'node:crypto'
import { element, find, textElement, textOf, type XmlElement } from './tree.js'

export interface SecretInput {
  readonly uuid: string
  /** Unique on a host, for people: `infra client.libvirt at 10.0.0.1:6789`. */
  readonly usage: string
  readonly description: string
}

/** The XML of a secret that holds a key of Ceph; the key itself is set by a call of its own. */
export function buildCephSecret(input: SecretInput): XmlElement {
  return element(
    'secret',
    { ephemeral: 'no', private: 'yes' },
    textElement('uuid', input.uuid),
    textElement('description', input.description),
    element('usage', { type: 'ceph' }, textElement('name', input.usage)),
  )
}

/** Begins the usage of every secret that infra makes. */
export const secretUsage = 'infra client.'

/** What a host calls the key of a Ceph user: the same for every disk that uses it. */
export function cephSecret(user: string, monitors: readonly string[]): SecretInput {
  const usage = `${secretUsage}${user} at ${[...monitors].sort().join(',')}`
  return { uuid: uuidOf(usage), usage, description: `Key of the Ceph user client.${user}, kept by infra` }
}

/** A UUID that follows from a text (version 8 of RFC 9562). */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export interface SecretReading {
  readonly uuid: string | undefined
  readonly usage: string | undefined
}

export function readSecret(root: XmlElement): SecretReading {
  return { uuid: textOf(find(root, 'uuid')), usage: textOf(find(root, 'usage', 'name')) }
}
