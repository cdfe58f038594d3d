/** The network interfaces of a domain: each is built alone, too, to be plugged into a running machine. */
import type { Attributes } from '../../../model/value.js'
import { fields, number, objects, text } from '../kinds/values.js'
import { bootElement } from './domain-disks.js'
import type { DomainInput } from './domain-input.js'
import { element, type XmlElement } from './tree.js'

export function interfaceElements(input: DomainInput): XmlElement[] {
  return objects(input.spec.networkInterfaces).map(({ item }) => interfaceElement(input, item))
}

export function interfaceElement(input: DomainInput, item: Attributes): XmlElement {
  const bridge = text(item.bridge)
  const network = text(item.network)
  const filter = text(item.filter)
  const vlan = number(item.vlan)
  const mtu = number(item.mtu)
  const type = bridge !== undefined ? 'bridge' : network !== undefined ? 'network' : 'ethernet'
  return element(
    'interface',
    { type },
    element('mac', { address: text(item.mac) }),
    type === 'ethernet' ? undefined : element('source', { bridge, network }),
    vlan === undefined ? undefined : element('vlan', {}, element('tag', { id: vlan })),
    element('target', { dev: text(item.tap) }),
    element('model', { type: text(item.model) ?? 'virtio' }),
    filter === undefined ? undefined : element('filterref', { filter }),
    bandwidthElement(fields(item.bandwidth)),
    mtu === undefined ? undefined : element('mtu', { size: mtu }),
    // Only a cable that is out is said: libvirt says nothing of one that is in.
    item.link === 'down' ? element('link', { state: 'down' }) : undefined,
    bootElement(input, text(item.name) ?? ''),
  )
}

function bandwidthElement(bandwidth: Attributes): XmlElement | undefined {
  const parts = (['inbound', 'outbound'] as const).map(direction => {
    const rate = fields(bandwidth[direction])
    return bandwidth[direction] === undefined
      ? undefined
      : element(direction, {
          average: number(rate.averageKiB),
          peak: number(rate.peakKiB),
          burst: number(rate.burstKiB),
        })
  })
  return parts.some(part => part !== undefined) ? element('bandwidth', {}, parts) : undefined
}
