/** What must hold between the fields of a network. */
import type { Attributes } from '../../../model/value.js'
import type { KindMeta, Problem } from '../../kind.js'
import { canonicalAddress, parseAddress, parseCidr } from './ip.js'
import { nameProblems } from './object-name.js'
import { fields, list, objects, text } from './values.js'

/** Everything that must hold between the fields of a Network. */
export function checkNetwork(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems: Problem[] = [...nameProblems(meta.name, 'network')]
  if (spec.mode === 'bridge') {
    if (spec.bridge === undefined) {
      problems.push({
        path: ['spec'],
        code: 'missing-bridge',
        message: 'A network of mode bridge needs the bridge',
        hint: 'Say `bridge: NAME`.',
      })
    }
    for (const field of ['addresses', 'dhcp', 'dns', 'domain', 'stp', 'mtu', 'forwardDevice']) {
      if (spec[field] !== undefined) {
        problems.push({
          path: ['spec', field],
          code: 'unused-field',
          message: `\`${field}\` means nothing for an existing bridge`,
          hint: 'Take it out.',
        })
      }
    }
  }
  if (spec.mode === 'isolated' && spec.forwardDevice !== undefined) {
    problems.push({
      path: ['spec', 'forwardDevice'],
      code: 'unused-field',
      message: 'Nothing leaves an isolated network',
      hint: 'Take `forwardDevice` out, or say `mode: nat`.',
    })
  }
  return [...problems, ...checkAddresses(spec)]
}

function checkAddresses(spec: Attributes): Problem[] {
  const problems: Problem[] = []
  for (const [index, value] of list(spec.addresses).entries()) {
    const cidr = text(value)
    if (cidr !== undefined && parseCidr(cidr) === undefined) {
      problems.push({
        path: ['spec', 'addresses', index],
        code: 'invalid-ip',
        message: `“${cidr}” is no address in CIDR notation`,
        hint: 'Write an address and the length of its prefix: `10.97.0.1/24`.',
      })
    }
  }
  const bare = (value: unknown, path: readonly (string | number)[]): void => {
    if (typeof value === 'string' && parseAddress(value.trim()) === undefined) {
      problems.push({
        path,
        code: 'invalid-ip',
        message: `“${value}” is no IP address`,
        hint: 'Write the address alone.',
      })
    }
  }
  const dhcp = fields(spec.dhcp)
  for (const { item, index } of objects(dhcp.ranges)) {
    bare(item.start, ['spec', 'dhcp', 'ranges', index, 'start'])
    bare(item.end, ['spec', 'dhcp', 'ranges', index, 'end'])
  }
  for (const [section, hosts] of [['dhcp', dhcp.hosts] as const, ['dns', fields(spec.dns).hosts] as const]) {
    const seen = new Set<string>()
    for (const { item, index } of objects(hosts)) {
      const path = ['spec', section, 'hosts', index]
      bare(item.ip, [...path, 'ip'])
      const ip = text(item.ip)
      if (ip !== undefined && seen.has(canonicalAddress(ip))) {
        problems.push({
          path: [...path, 'ip'],
          code: 'duplicate-ip',
          message: `${ip} is there twice`,
          hint: 'Keep it once.',
        })
      }
      if (ip !== undefined) seen.add(canonicalAddress(ip))
      if (
        section === 'dhcp' &&
        item.mac === undefined &&
        ip !== undefined &&
        parseAddress(ip)?.family === 4
      ) {
        problems.push({
          path,
          code: 'missing-mac',
          message: `The DHCP host ${ip} has no MAC address`,
          hint: 'Say `mac:`, by which the server knows it.',
        })
      }
    }
  }
  const hasAddress =
    spec.addresses === undefined || typeof spec.addresses !== 'object'
      ? false
      : list(spec.addresses).length > 0
  if (spec.dhcp !== undefined && Array.isArray(spec.addresses ?? []) && !hasAddress) {
    problems.push({
      path: ['spec', 'dhcp'],
      code: 'dhcp-without-address',
      message: 'A DHCP server needs an address of the host on the network',
      hint: 'Say `addresses: [10.97.0.1/24]`.',
    })
  }
  return problems
}
