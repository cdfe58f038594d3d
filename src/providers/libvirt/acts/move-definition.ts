/**
 * The definition that a machine goes on with on another host, and a mark in it: what is left of it on the first. The mark
 * goes once nothing is left, so that a move whose end nobody saw can be ended later. A stack's journal tells as much, and is
 * what `infra recover` goes by; the mark is there for who has no journal: a move without a stack, and anybody who looks at the
 * machine on its new host. It also proves that a definition found there is the one that was sent.
 */
import { isObject, type Json } from '../../../model/value.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { affect, metadataTypes } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain } from '../rpc/types.js'
import { element, elements, find, textOf, type XmlElement } from '../xml/tree.js'
import { besideDisks, diskAt, type Place, serialAt } from './restored-definition.js'

const namespace = 'https://infra.dev/xmlns/moved/v1'
const prefix = 'infra-moved'

/** What is still on the host that it came from. */
export interface Left {
  /** The connection to that host. */
  readonly from: string
  readonly volumes: readonly { readonly pool: string; readonly name: string }[]
  /** File of its UEFI variables. */
  readonly nvram?: string
  readonly autostart: boolean
}

/** Its disks and what lies beside them in their places there, with the mark. Everything else is as it was. */
export function movedDefinition(root: XmlElement, places: readonly Place[], left: Left): XmlElement {
  const byDevice = new Map(places.map(place => [place.disk.device, place]))
  const device = (child: XmlElement): XmlElement => {
    const place = byDevice.get(find(child, 'target')?.attributes.dev ?? '')
    if (child.name === 'disk' && place !== undefined) return diskAt(child, place)
    return child.name === 'serial' || child.name === 'console'
      ? serialAt(child, file => besideDisks(file, places))
      : child
  }
  return withMark(
    {
      ...root,
      children: root.children.map(child =>
        typeof child !== 'string' && child.name === 'devices'
          ? { ...child, children: child.children.map(one => (typeof one === 'string' ? one : device(one))) }
          : child,
      ),
    },
    left,
  )
}

function withMark(root: XmlElement, left: Left): XmlElement {
  const mark = element(`${prefix}:left`, { [`xmlns:${prefix}`]: namespace }, JSON.stringify(left))
  const others = root.children.filter(child => typeof child === 'string' || child.name !== 'metadata')
  const kept = find(root, 'metadata')?.children ?? []
  return { ...root, children: [element('metadata', {}, ...kept, mark), ...others] }
}

/** What a move has left behind; undefined of a machine that never moved, or of whose move nothing is left. */
export function readLeft(root: XmlElement): Left | undefined {
  const holder = find(root, 'metadata')
  const mark = holder && elements(holder).find(one => Object.values(one.attributes).includes(namespace))
  const found = textOf(mark)
  if (found === undefined) return undefined
  const value = JSON.parse(found) as Json
  return isObject(value) && typeof value.from === 'string' ? (value as unknown as Left) : undefined
}

/** Takes the mark away, from the running machine and from its definition. */
export async function forgetLeft(
  host: Host,
  domain: Domain,
  running: boolean,
  signal: AbortSignal,
): Promise<void> {
  const args = {
    domain,
    type: metadataTypes.element,
    metadata: undefined,
    key: undefined,
    uri: namespace,
    flags: affect.config | (running ? affect.live : 0),
  }
  await orAbsent(ask(host, procedures.domains.setMetadata, args, signal), 'NO_DOMAIN_METADATA')
}
