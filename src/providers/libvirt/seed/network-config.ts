/** cloud-init's network configuration, version 2: each interface by its MAC address, as Foundry has it. */
import type { Attributes, Json } from '../../../model/value.js'
import { type Cidr, parseAddress, parseCidr } from '../kinds/ip.js'
import { list, number, objects, present, text } from '../kinds/values.js'

/** The configuration of a canonical spec's interfaces. */
export function networkConfig(spec: Attributes): Attributes {
  const interfaces = objects(spec.networkInterfaces).map(
    ({ item }) => [text(item.name) ?? '', ethernet(item)] as const,
  )
  return { version: 2, ethernets: Object.fromEntries(interfaces) }
}

function ethernet(item: Attributes): Attributes {
  const addresses = [item.ip, ...list(item.addresses)].filter(address => typeof address === 'string')
  const routes = item.defaultRoute === true ? defaultRoutes(item, addresses) : []
  const servers = list(item.dnsServers)
  const domains = list(item.searchDomains)
  const dhcp = item.dhcp === true
  const dhcp6 = item.dhcp6 === true
  // A second interface by DHCP must not take the default route away from the first.
  const overrides = item.defaultRoute === false ? { 'use-routes': false } : undefined
  return present({
    match: { macaddress: text(item.mac) ?? '' },
    dhcp4: dhcp,
    'dhcp4-overrides': dhcp ? overrides : undefined,
    dhcp6: dhcp6 ? true : undefined,
    addresses: addresses.length > 0 ? addresses : undefined,
    routes: routes.length > 0 ? routes : undefined,
    nameservers:
      servers.length + domains.length > 0
        ? present({ addresses: servers, search: domains.length > 0 ? domains : undefined })
        : undefined,
    mtu: number(item.mtu),
  })
}

function defaultRoutes(item: Attributes, addresses: readonly string[]): Json[] {
  const known = addresses.flatMap(address => parseCidr(address) ?? [])
  return [text(item.gateway), text(item.gateway6)].flatMap((gateway): Json[] => {
    const parsed = gateway === undefined ? undefined : parseAddress(gateway)
    if (parsed === undefined) return []
    const reachable = known.some(cidr => contains(cidr, parsed))
    return [
      present({
        to: parsed.family === 4 ? '0.0.0.0/0' : '::/0',
        via: parsed.address,
        'on-link': reachable ? undefined : true,
      }),
    ]
  })
}

/** Whether an address is in the network of the other. */
function contains(network: Cidr, address: { readonly family: 4 | 6; readonly address: string }): boolean {
  if (network.family !== address.family) return false
  const width = network.family === 4 ? 32 : 128
  const shift = BigInt(width - network.prefix)
  return toNumber(network) >> shift === toNumber(address) >> shift
}

function toNumber({ family, address }: { readonly family: 4 | 6; readonly address: string }): bigint {
  if (family === 4) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n)
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...(tail === undefined ? [] : zeros), ...right].reduce(
    (sum, part) => sum * 65536n + BigInt(`0x${part}`),
    0n,
  )
}
