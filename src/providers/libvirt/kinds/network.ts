/** The kind Network: a network of libvirt, with its DHCP and DNS. */
import { z } from 'zod'
import { once } from '../../../model/once.js'
import type { Attributes } from '../../../model/value.js'
import type { ChangeRule, Kind } from '../../kind.js'
import { hostField } from './host-field.js'
import { canonicalAddress, canonicalCidr } from './ip.js'
import { checkNetwork } from './network-check.js'
import { fields, list, mapObjects, mapText, present, text } from './values.js'

const address = z.string().min(1)

const schema = once(() =>
  z.strictObject({
    host: hostField(),
    mode: z
      .enum(['isolated', 'nat', 'route', 'bridge'])
      .optional()
      .describe(
        'Guests among themselves (`isolated`), out by address translation (`nat`, the default) or routing (`route`), or an existing bridge of the host (`bridge`).',
      ),
    bridge: z
      .string()
      .min(1)
      .max(15)
      .optional()
      .describe('Name of the bridge. libvirt picks one by default; needed for `mode: bridge`.'),
    forwardDevice: z
      .string()
      .min(1)
      .max(15)
      .optional()
      .describe('Interface of the host that traffic leaves by, for `nat` and `route`.'),
    addresses: z
      .array(address)
      .optional()
      .describe('Addresses of the host on it, in CIDR notation: `10.97.0.1/24`, `fd00:97::1/64`.'),
    domain: z.string().min(1).optional().describe('DNS domain of its guests.'),
    mtu: z.number().int().min(68).max(65535).optional().describe('MTU of the bridge.'),
    stp: z.boolean().optional().describe('Spanning tree protocol on the bridge. True by default.'),
    autostart: z.boolean().optional().describe('Start it when the host starts. True by default.'),
    dhcp: z
      .strictObject({
        ranges: z
          .array(
            z.strictObject({
              start: address.describe('First address.'),
              end: address.describe('Last address.'),
            }),
          )
          .optional()
          .describe('Addresses that are given out.'),
        hosts: z
          .array(
            z.strictObject({
              ip: address.describe('The address it gets.'),
              mac: z
                .string()
                .regex(
                  /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/,
                  'must be six pairs of hexadecimal digits with colons',
                )
                .optional()
                .describe('MAC address that it is known by. Needed for IPv4.'),
              name: z.string().min(1).optional().describe('Its name in DNS.'),
            }),
          )
          .optional()
          .describe(
            'Machines with an address of their own, told apart by it. Changed while the network runs.',
          ),
      })
      .optional()
      .describe('DHCP server. None by default.'),
    dns: z
      .strictObject({
        enabled: z.boolean().optional().describe('Whether the host answers DNS on it. True by default.'),
        forwarders: z
          .array(address)
          .optional()
          .describe('Name servers that are asked instead of the host’s.'),
        hosts: z
          .array(
            z.strictObject({
              ip: address.describe('The address.'),
              names: z.array(z.string().min(1)).min(1).describe('Its names.'),
            }),
          )
          .optional()
          .describe('Names beyond those of DHCP, told apart by the address. Changed while the network runs.'),
      })
      .optional()
      .describe('DNS server.'),
  }),
)

function restart(path: string): ChangeRule {
  return {
    path,
    how: 'restart',
    why: 'libvirt reads it when the network starts; its guests are cut off meanwhile',
    hazards: ['interrupts-service'],
  }
}

const changes: readonly ChangeRule[] = [
  { path: 'autostart', how: 'live' },
  { path: 'dhcp.hosts', how: 'live' },
  { path: 'dhcp.ranges', how: 'live' },
  { path: 'dns.hosts', how: 'live' },
  restart('dhcp'),
  restart('dns'),
  restart('mode'),
  restart('bridge'),
  restart('forwardDevice'),
  restart('addresses'),
  restart('domain'),
  restart('mtu'),
  restart('stp'),
  { path: 'host', how: 'replace', why: 'it would be made anew on the other host' },
]

export const network: Kind = {
  kind: 'Network',
  provider: 'libvirt',
  summary: 'A network of libvirt: isolated, with address translation, routed, or a bridge of the host.',
  get schema() {
    return schema()
  },
  keyedLists: { 'dhcp.hosts': 'ip', 'dns.hosts': 'ip' },
  sensitive: [],
  facts: {
    uuid: 'UUID of the network.',
    bridge: 'Its bridge on the host.',
    state: 'active or inactive.',
    leases: 'Addresses that its DHCP server has given out.',
  },
  changes,
  objectName: meta => meta.name,
  canonical,
  check: checkNetwork,
  connection: spec => text(spec.host),
  deletion: () => ({ hazards: ['interrupts-service'], undo: 'recreate' }),
}

function canonical(spec: Attributes): Attributes {
  const mode = spec.mode ?? 'nat'
  const dhcp = fields(spec.dhcp)
  const dns = fields(spec.dns)
  const isBridge = mode === 'bridge'
  return present(spec, {
    mode,
    addresses:
      isBridge && spec.addresses === undefined ? undefined : mapTexts(spec.addresses ?? [], canonicalCidr),
    stp: isBridge ? spec.stp : (spec.stp ?? true),
    autostart: spec.autostart ?? true,
    dhcp:
      spec.dhcp === dhcp
        ? present(dhcp, {
            ranges: mapObjects(dhcp.ranges ?? [], range =>
              present({
                start: mapText(range.start, canonicalAddress),
                end: mapText(range.end, canonicalAddress),
              }),
            ),
            hosts: byAddress(
              mapObjects(dhcp.hosts ?? [], host =>
                present(host, {
                  ip: mapText(host.ip, canonicalAddress),
                  mac: mapText(host.mac, mac => mac.toLowerCase()),
                }),
              ),
            ),
          })
        : spec.dhcp,
    dns:
      spec.dns === dns
        ? present(dns, {
            enabled: dns.enabled ?? true,
            forwarders: mapTexts(dns.forwarders ?? [], canonicalAddress),
            hosts: byAddress(
              mapObjects(dns.hosts ?? [], host => present(host, { ip: mapText(host.ip, canonicalAddress) })),
            ),
          })
        : spec.dns,
  })
}

function mapTexts(value: Attributes[string], change: (text: string) => string): Attributes[string] {
  return Array.isArray(value) ? list(value).map(item => mapText(item, change) ?? null) : value
}

/** The order of hosts means nothing. */
function byAddress(value: Attributes[string] | undefined): Attributes[string] | undefined {
  if (!Array.isArray(value)) return value
  const key = (item: Attributes[string]): string => text(fields(item).ip) ?? ''
  return [...list(value)].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}
