/**
 * Names that follow from a document, byte for byte as Foundry (and the Ansible set-up before it) made them, so that machines
 * made by either are found again. For interfaces without a static IPv4 address, which Foundry had not, names come from the
 * names of the machine and the interface.
 */
import { createHash } from 'node:crypto'
import { ipv4Octets } from './kinds/ip.js'

/** Where Foundry keeps its pools. */
export const defaultPools: Readonly<Record<string, string>> = {
  'foundry-images': '/var/lib/libvirt/images/foundry/images',
  'foundry-vms': '/var/lib/libvirt/images/foundry/vms',
}

export const defaultImagePool = 'foundry-images'
export const defaultVmPool = 'foundry-vms'

/** `be:ef:` and the four octets: 10.55.22.22 is `be:ef:0a:37:16:16`. Undefined for anything but IPv4. */
export function macOfIpv4(ip: string): string | undefined {
  const octets = ipv4Octets(ip)
  return octets === undefined ? undefined : ['be', 'ef', ...octets.map(hex)].join(':')
}

/** `vm` and the four octets: 192.168.1.100 is `vmc0a80164`. Undefined for anything but IPv4. */
export function tapOfIpv4(ip: string): string | undefined {
  const octets = ipv4Octets(ip)
  return octets === undefined ? undefined : `vm${octets.map(hex).join('')}`
}

/**
 * A MAC for an interface that has no static IPv4 address: unicast, locally administered (IEEE 802, RFC 9542), the same
 * whenever the machine and the interface are called the same, and never one of `be:ef:`.
 */
export function macOfName(machine: string, interfaceName: string): string {
  const digest = interfaceDigest(machine, interfaceName)
  const octets = [...digest.subarray(0, 6)]
  octets[0] = ((octets[0] ?? 0) & 0xfc) | 0x02
  if (octets[0] === 0xbe && octets[1] === 0xef) octets[1] = 0xee
  return octets.map(hex).join(':')
}

/** A tap device for such an interface: `vn` and ten hexadecimal digits; Linux allows 15 characters. */
export function tapOfName(machine: string, interfaceName: string): string {
  return `vn${interfaceDigest(machine, interfaceName).subarray(6, 11).toString('hex')}`
}

export function bootVolume(machine: string): string {
  return `${machine}_boot`
}

export function dataVolume(machine: string, device: string): string {
  return `${machine}_data-${device}`
}

export function seedVolume(machine: string): string {
  return `${machine}_cloudinit`
}

export function ignitionVolume(machine: string): string {
  return `${machine}_ignition`
}

/** The last that were asked for: a document is made canonical some times, and its MAC and tap are of one digest. */
const digests = new Map<string, Buffer>()
const digestsKept = 4096

function interfaceDigest(machine: string, interfaceName: string): Buffer {
  const about = `infra interface ${machine}/${interfaceName}`
  const known = digests.get(about)
  if (known !== undefined) return known
  const made = createHash('sha256').update(about).digest()
  if (digests.size >= digestsKept) digests.clear()
  digests.set(about, made)
  return made
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0')
}
