/**
 * Objects whose successor was made before they go (`createBeforeDestroy`): for a while two real objects stand behind one
 * address. The former one is recorded under an address of its own, so that it is never lost sight of: `Volume/a[~former]`.
 */
import type { Address } from './address.js'

const mark = '~former'

/** The address under which the former object of this address is recorded. */
export function formerAddress(address: Address): Address {
  return address.endsWith(']') ? `${address.slice(0, -1)}${mark}]` : `${address}[${mark}]`
}

/** The address that an object was made for: the one in its owner's tag. */
export function originalAddress(address: Address): Address {
  if (address.endsWith(`[${mark}]`)) return address.slice(0, -mark.length - 2)
  return address.endsWith(`${mark}]`) ? `${address.slice(0, -mark.length - 1)}]` : address
}
