/** IP addresses as documents write them: `10.0.0.5/24`, `fd00::5/64`. */
import { isIPv4, isIPv6 } from 'node:net'

export interface Cidr {
  readonly family: 4 | 6
  /** Canonical text: IPv6 in lower case and as short as it goes. */
  readonly address: string
  readonly prefix: number
}

/** The address, canonical; undefined where the text is none. */
export function parseAddress(text: string): { readonly family: 4 | 6; readonly address: string } | undefined {
  if (isIPv4(text)) return { family: 4, address: text }
  if (!isIPv6(text) || text.includes('%')) return undefined
  return { family: 6, address: new URL(`http://[${text}]/`).hostname.slice(1, -1) }
}

/** Address and prefix; undefined where the text is not in CIDR notation. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text.trim())
  if (!match?.[1] || !match[2]) return undefined
  const parsed = parseAddress(match[1])
  const prefix = Number(match[2])
  if (parsed === undefined || prefix > (parsed.family === 4 ? 32 : 128)) return undefined
  return { ...parsed, prefix }
}

/** The same address and prefix, canonical; any other text as it is. */
export function canonicalCidr(text: string): string {
  const parsed = parseCidr(text)
  return parsed === undefined ? text : `${parsed.address}/${parsed.prefix}`
}

/** The same address, canonical; any other text as it is. */
export function canonicalAddress(text: string): string {
  return parseAddress(text.trim())?.address ?? text
}

/** The four octets of an IPv4 address, with or without a prefix; undefined for anything else. */
export function ipv4Octets(text: string): readonly number[] | undefined {
  const address = text.trim().split('/')[0] ?? ''
  return isIPv4(address) ? address.split('.').map(Number) : undefined
}
