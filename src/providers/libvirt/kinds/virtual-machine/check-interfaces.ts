/** What must hold for network interfaces: Foundry's rules, and those for what Foundry had not. */
import type { Attributes } from '../../../../model/value.js'
import type { KindMeta, Problem } from '../../../kind.js'
import { type Cidr, parseAddress, parseCidr } from '../ip.js'
import { list, objects, text } from '../values.js'
import { canonicalInterfaces, domainName } from './canonical.js'

type Path = readonly (string | number)[]

export function checkInterfaces(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems: Problem[] = []
  const ips = new Map<string, string>()
  for (const { item, index } of objects(spec.networkInterfaces)) {
    const path: Path = ['spec', 'networkInterfaces', index]
    problems.push(
      ...checkPlug(item, path),
      ...checkAddresses(item, path, index, ips),
      ...checkMac(item, path),
    )
  }
  return [...problems, ...checkUnique(spec, meta)]
}

function checkPlug(item: Attributes, path: Path): Problem[] {
  const plugs = ['bridge', 'network', 'ethernet'].filter(
    plug => item[plug] !== undefined && !(plug === 'ethernet' && item[plug] === false),
  )
  if (plugs.length === 1) return []
  if (plugs.length === 0) {
    return [
      {
        path,
        code: 'missing-bridge',
        message: 'The interface is plugged into nothing',
        hint: 'Say `bridge: NAME` (or `network: NAME`, or `ethernet: true`).',
      },
    ]
  }
  return [{ path, code: 'two-plugs', message: `The interface has ${plugs.join(' and ')}`, hint: 'Keep one.' }]
}

function checkAddresses(item: Attributes, path: Path, index: number, ips: Map<string, string>): Problem[] {
  const problems: Problem[] = []
  if (item.ip === undefined && item.dhcp !== true && item.dhcp6 !== true && typeof item.dhcp !== 'object') {
    problems.push({
      path,
      code: 'missing-ip',
      message: 'The interface has no address',
      hint: 'Say `ip: ADDRESS/PREFIX`, or `dhcp: true`.',
    })
  }
  if (item.ip !== undefined && item.dhcp === true) {
    problems.push({
      path: [...path, 'dhcp'],
      code: 'ip-and-dhcp',
      message: 'The interface has a static address and DHCP',
      hint: 'Keep one of `ip` and `dhcp`.',
    })
  }
  const ip = text(item.ip)
  const cidr = ip === undefined ? undefined : parseCidr(ip)
  for (const [field, value] of [
    ['ip', item.ip] as const,
    ...list(item.addresses).map((address, at) => [at, address] as const),
  ]) {
    const address = text(value)
    if (address === undefined) continue
    const at: Path = field === 'ip' ? [...path, 'ip'] : [...path, 'addresses', field]
    problems.push(...checkCidr(address, at, index, ips))
  }
  problems.push(...checkGateway(item, path, index, cidr), ...checkServers(item, path))
  return problems
}

function checkCidr(address: string, path: Path, index: number, ips: Map<string, string>): Problem[] {
  const cidr = parseCidr(address)
  if (cidr === undefined) {
    const bare = parseAddress(address.trim())
    const hint =
      bare === undefined
        ? 'Write an address and the length of its prefix: `10.55.22.22/24`.'
        : `Add the length of its prefix: \`${address.trim()}/${bare.family === 4 ? 24 : 64}\`.`
    return [{ path, code: 'invalid-ip', message: `“${address}” is no address in CIDR notation`, hint }]
  }
  const other = ips.get(cidr.address)
  ips.set(cidr.address, `interface ${index + 1}`)
  if (other === undefined) return []
  return [
    {
      path,
      code: 'duplicate-ip',
      message: `${cidr.address} is already the address of ${other}`,
      hint: 'Give each an address of its own.',
    },
  ]
}

function checkGateway(item: Attributes, path: Path, index: number, ip: Cidr | undefined): Problem[] {
  const problems: Problem[] = []
  const gateway = text(item.gateway)
  const wanted = item.defaultRoute === undefined ? index === 0 : item.defaultRoute === true
  if (item.ip !== undefined && item.gateway === undefined && wanted) {
    problems.push({
      path,
      code: 'missing-gateway',
      message: 'The interface carries the default route and has no gateway',
      hint: 'Say `gateway: ADDRESS`, or `defaultRoute: false`.',
    })
  }
  if (gateway !== undefined) {
    const parsed = parseAddress(gateway.trim())
    if (parsed === undefined) {
      problems.push({
        path: [...path, 'gateway'],
        code: 'invalid-gateway',
        message: `“${gateway}” is no IP address`,
        hint: 'Write the address alone, without a prefix.',
      })
    } else if (ip !== undefined && parsed.family !== ip.family) {
      problems.push({
        path: [...path, 'gateway'],
        code: 'gateway-family',
        message: `The gateway is IPv${parsed.family}, the address IPv${ip.family}`,
        hint: 'Use an address of the same family; `gateway6` is for IPv6 beside IPv4.',
      })
    }
  }
  const gateway6 = text(item.gateway6)
  if (gateway6 !== undefined && parseAddress(gateway6.trim())?.family !== 6) {
    problems.push({
      path: [...path, 'gateway6'],
      code: 'invalid-gateway',
      message: `“${gateway6}” is no IPv6 address`,
      hint: 'Write the address alone, without a prefix.',
    })
  }
  return problems
}

function checkServers(item: Attributes, path: Path): Problem[] {
  return list(item.dnsServers).flatMap((value, at): Problem[] => {
    const server = text(value)
    if (server === undefined || parseAddress(server.trim()) !== undefined) return []
    return [
      {
        path: [...path, 'dnsServers', at],
        code: 'invalid-dns-server',
        message: `“${server}” is no IP address`,
        hint: 'Name servers are written as addresses.',
      },
    ]
  })
}

/** Names, MACs and taps, with those that follow from the rest. One interface alone has none to share. */
function checkUnique(spec: Attributes, meta: KindMeta): Problem[] {
  if (list(spec.networkInterfaces).length < 2) return []
  const problems: Problem[] = []
  const seen = new Map<string, number>()
  for (const { item, index } of objects(canonicalInterfaces(spec.networkInterfaces, domainName(meta)))) {
    for (const field of ['name', 'mac', 'tap'] as const) {
      const value = text(item[field])
      if (value === undefined) continue
      const first = seen.get(`${field} ${value}`)
      seen.set(`${field} ${value}`, index)
      if (first !== undefined) {
        problems.push({
          path: ['spec', 'networkInterfaces', index, field],
          code: `duplicate-${field}`,
          message: `Interfaces ${first + 1} and ${index + 1} have the same ${field}, ${value}`,
          hint: `Give one of them another \`${field}\`.`,
        })
      }
    }
  }
  return problems
}

/** Those that infra chooses are never one. */
function checkMac(item: Attributes, path: Path): Problem[] {
  const mac = text(item.mac)?.toLowerCase()
  if (mac === undefined || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0) return []
  return [
    {
      path: [...path, 'mac'],
      code: 'multicast-mac',
      message: `${mac} is a multicast address`,
      hint: 'The first octet of a MAC address must be even.',
    },
  ]
}
