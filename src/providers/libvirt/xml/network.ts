/** Networks: their XML from a canonical spec, and back. Hosts of DHCP and DNS are built alone, too, for live updates. */
import type { Attributes, Json } from '../../../model/value.js'
import { parseAddress, parseCidr } from '../kinds/ip.js'
import { fields, list, number, objects, present, text } from '../kinds/values.js'
import { type Metadata, metadataElement, readMetadata } from './metadata.js'
import { element, find, findAll, textElement, textOf, toInteger, type XmlElement } from './tree.js'

export interface NetworkInput {
  readonly name: string
  readonly uuid?: string
  /** Canonical, of kind Network. */
  readonly spec: Attributes
  readonly metadata?: Metadata
}

/** The XML that a Network is defined with. */
export function buildNetwork(input: NetworkInput): XmlElement {
  const { spec } = input
  const mode = text(spec.mode) ?? 'nat'
  const device = text(spec.forwardDevice)
  const isBridge = mode === 'bridge'
  return element(
    'network',
    {},
    textElement('name', input.name),
    textElement('uuid', input.uuid),
    input.metadata === undefined ? undefined : element('metadata', {}, metadataElement(input.metadata)),
    mode === 'isolated' ? undefined : element('forward', { mode, dev: device }),
    isBridge
      ? element('bridge', { name: text(spec.bridge) })
      : element('bridge', { name: text(spec.bridge), stp: spec.stp === false ? 'off' : 'on', delay: 0 }),
    spec.mtu === undefined ? undefined : element('mtu', { size: number(spec.mtu) }),
    text(spec.domain) === undefined ? undefined : element('domain', { name: text(spec.domain) }),
    spec.dns === undefined ? undefined : dnsElement(fields(spec.dns)),
    list(spec.addresses).flatMap((address, index) => ipElement(address, index, spec)),
  )
}

function dnsElement(dns: Attributes): XmlElement {
  return element(
    'dns',
    { enable: dns.enabled === false ? 'no' : undefined },
    list(dns.forwarders).map(forwarder => element('forwarder', { addr: text(forwarder) })),
    objects(dns.hosts).map(({ item }) => dnsHostElement(item)),
  )
}

/** `<host>` of DNS, as libvirt's live update takes it (section `dns-host`). */
export function dnsHostElement(item: Attributes): XmlElement {
  return element(
    'host',
    { ip: text(item.ip) },
    list(item.names).map(name => textElement('hostname', text(name))),
  )
}

/** DHCP goes to the first address of each family, which is where libvirt allows it. */
function ipElement(address: Json, index: number, spec: Attributes): XmlElement[] {
  const cidr = typeof address === 'string' ? parseCidr(address) : undefined
  if (cidr === undefined) return []
  const isFirst = !list(spec.addresses)
    .slice(0, index)
    .some(other => typeof other === 'string' && parseCidr(other)?.family === cidr.family)
  const dhcp = fields(spec.dhcp)
  const ours = (ip: Json | undefined): boolean =>
    typeof ip === 'string' && parseAddress(ip)?.family === cidr.family
  const parts = isFirst
    ? [
        ...objects(dhcp.ranges)
          .filter(({ item }) => ours(item.start))
          .map(({ item }) => dhcpRangeElement(item)),
        ...objects(dhcp.hosts)
          .filter(({ item }) => ours(item.ip))
          .map(({ item }) => dhcpHostElement(item)),
      ]
    : []
  return [
    element(
      'ip',
      { family: cidr.family === 6 ? 'ipv6' : undefined, address: cidr.address, prefix: cidr.prefix },
      parts.length === 0 ? undefined : element('dhcp', {}, parts),
    ),
  ]
}

/** `<range>` of DHCP, as libvirt's live update takes it (section `ip-dhcp-range`). */
export function dhcpRangeElement(item: Attributes): XmlElement {
  return element('range', { start: text(item.start), end: text(item.end) })
}

/** `<host>` of DHCP, as libvirt's live update takes it (section `ip-dhcp-host`). */
export function dhcpHostElement(item: Attributes): XmlElement {
  return element('host', { mac: text(item.mac), name: text(item.name), ip: text(item.ip) })
}

export interface NetworkReading {
  readonly name: string
  readonly uuid: string | undefined
  readonly metadata: Metadata
  readonly bridge: string | undefined
  /** What the XML tells of the spec; whether it starts with the host is not in it. */
  readonly spec: Attributes
}

/** A bridge that libvirt picked, and DNS that nobody declared, are not told. */
export function readNetwork(root: XmlElement, declared: Attributes = {}): NetworkReading {
  const forward = find(root, 'forward')
  const bridge = find(root, 'bridge')?.attributes
  const ips = findAll(root, 'ip')
  const mode = forward === undefined ? 'isolated' : (forward.attributes.mode ?? 'nat')
  const isBridge = mode === 'bridge'
  const hasDhcp = ips.some(ip => find(ip, 'dhcp') !== undefined)
  return {
    name: textOf(find(root, 'name')) ?? '',
    uuid: textOf(find(root, 'uuid')),
    metadata: readMetadata(root),
    bridge: bridge?.name,
    spec: present({
      mode,
      bridge: isBridge || declared.bridge !== undefined ? bridge?.name : undefined,
      forwardDevice: forward?.attributes.dev,
      addresses: isBridge ? undefined : ips.flatMap(readAddress),
      domain: find(root, 'domain')?.attributes.name,
      mtu: toInteger(find(root, 'mtu')?.attributes.size),
      stp: isBridge ? undefined : bridge?.stp !== 'off',
      dhcp: hasDhcp ? readDhcp(ips) : undefined,
      dns: readDns(find(root, 'dns')),
    }),
  }
}

function readAddress(ip: XmlElement): string[] {
  const { address, prefix, netmask } = ip.attributes
  if (address === undefined) return []
  const bits = netmask
    ?.split('.')
    .map(octet => Number(octet).toString(2))
    .join('')
    .replace(/0/g, '').length
  return [`${address}/${prefix ?? bits ?? (address.includes(':') ? 128 : 32)}`]
}

function readDhcp(ips: readonly XmlElement[]): Attributes {
  const all = ips.flatMap(ip => find(ip, 'dhcp') ?? [])
  const hosts = all
    .flatMap(dhcp => findAll(dhcp, 'host'))
    .map(({ attributes }) =>
      present({ ip: attributes.ip, mac: attributes.mac?.toLowerCase(), name: attributes.name }),
    )
  return {
    ranges: all
      .flatMap(dhcp => findAll(dhcp, 'range'))
      .map(({ attributes }) => present({ start: attributes.start, end: attributes.end })),
    hosts: byAddress(hosts),
  }
}

function readDns(dns: XmlElement | undefined): Json | undefined {
  if (dns === undefined) return undefined
  return {
    enabled: dns.attributes.enable !== 'no',
    forwarders: findAll(dns, 'forwarder').flatMap(forwarder => forwarder.attributes.addr ?? []),
    hosts: byAddress(
      findAll(dns, 'host').map(host =>
        present({
          ip: host.attributes.ip,
          names: findAll(host, 'hostname').flatMap(name => textOf(name) ?? []),
        }),
      ),
    ),
  }
}

function byAddress(hosts: readonly Attributes[]): Attributes[] {
  return [...hosts].sort((a, b) => (String(a.ip) < String(b.ip) ? -1 : 1))
}
