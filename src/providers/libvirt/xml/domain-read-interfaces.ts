/** The network interfaces of a domain's XML, under the names that the stack has for them. */
import type { Attributes, Json } from '../../../model/value.js'
import { objects, present } from '../kinds/values.js'
import type { Metadata } from './metadata.js'
import { find, findAll, toInteger, type XmlElement } from './tree.js'

export interface InterfaceReading {
  readonly mac: string
  readonly tap: string | undefined
  /** The network that it is plugged into, whatever its kind: `bridge br0`, `network lab`. */
  readonly plug: string
  readonly bootOrder: number | undefined
  /** The part of a machine's spec that it tells. */
  readonly spec: Attributes
}

/**
 * All interfaces in their order. Each is called as the declared one with its MAC address, else as the document that the
 * domain carries has it; the rest get the free `ethN` of their place.
 */
export function readInterfaces(
  root: XmlElement,
  declared: Attributes,
  metadata: Pick<Metadata, 'document'>,
): readonly InterfaceReading[] {
  const nodes = findAll(find(root, 'devices'), 'interface')
  const macs = nodes.map(node => (find(node, 'mac')?.attributes.address ?? '').toLowerCase())
  const names = new Map<string, string>()
  const taken = new Set<string>()
  const takeNames = (spec: Attributes): void => {
    const known = namesByMac(spec)
    for (const mac of macs) {
      const name = known.get(mac)
      if (name === undefined || names.has(mac) || taken.has(name)) continue
      names.set(mac, name)
      taken.add(name)
    }
  }
  takeNames(declared)
  if (macs.some(mac => !names.has(mac))) takeNames(metadata.document ?? {})
  return nodes.map((node, index) => {
    const mac = macs[index] ?? ''
    return readInterface(node, mac, names.get(mac) ?? freeName(index, taken))
  })
}

/** What a canonical spec calls its interfaces, by their MAC addresses. */
export function namesByMac(spec: Attributes): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const { item } of objects(spec.networkInterfaces)) {
    if (typeof item.mac === 'string' && typeof item.name === 'string')
      names.set(item.mac.toLowerCase(), item.name)
  }
  return names
}

function freeName(index: number, taken: Set<string>): string {
  let number = index
  while (taken.has(`eth${number}`)) number++
  taken.add(`eth${number}`)
  return `eth${number}`
}

function readInterface(node: XmlElement, mac: string, name: string): InterfaceReading {
  const source = find(node, 'source')?.attributes
  const type = node.attributes.type ?? 'network'
  const tap = find(node, 'target')?.attributes.dev
  // A running domain's interface tells the bridge that its network uses; what was asked for is the network.
  const network = source?.network
  const bridge = network === undefined ? source?.bridge : undefined
  return {
    mac,
    tap,
    plug: network !== undefined ? `network ${network}` : bridge !== undefined ? `bridge ${bridge}` : type,
    bootOrder: toInteger(find(node, 'boot')?.attributes.order),
    spec: present({
      name,
      mac,
      tap,
      bridge,
      network,
      ethernet: type === 'ethernet' ? true : undefined,
      model: find(node, 'model')?.attributes.type,
      link: find(node, 'link')?.attributes.state ?? 'up',
      filter: find(node, 'filterref')?.attributes.filter,
      mtu: toInteger(find(node, 'mtu')?.attributes.size),
      vlan: toInteger(find(node, 'vlan', 'tag')?.attributes.id),
      bandwidth: bandwidth(find(node, 'bandwidth')),
    }),
  }
}

function bandwidth(found: XmlElement | undefined): Json | undefined {
  if (found === undefined) return undefined
  const rate = (direction: string): Json | undefined => {
    const attributes = find(found, direction)?.attributes
    if (attributes === undefined) return undefined
    return present({
      averageKiB: toInteger(attributes.average),
      peakKiB: toInteger(attributes.peak),
      burstKiB: toInteger(attributes.burst),
    })
  }
  return present({ inbound: rate('inbound'), outbound: rate('outbound') })
}
