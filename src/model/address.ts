/** Addresses: `Kind/name`, and `Kind/name[key]` for an instance of a `forEach`. */

export type Address = string

export interface AddressParts {
  readonly kind: string
  readonly name: string
  readonly key?: string
}

const pattern = /^([A-Z][A-Za-z0-9]*)\/([^/[\]\s]+)(?:\[([^[\]\s]+)\])?$/

/** The address of these parts. */
export function formatAddress(parts: AddressParts): Address {
  const base = `${parts.kind}/${parts.name}`
  return parts.key === undefined ? base : `${base}[${parts.key}]`
}

/** The parts of an address, or undefined where the text is none. */
export function parseAddress(text: string): AddressParts | undefined {
  const match = pattern.exec(text)
  if (!match?.[1] || !match[2]) return undefined
  return { kind: match[1], name: match[2], ...(match[3] !== undefined && { key: match[3] }) }
}
