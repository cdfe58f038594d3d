/** Which replaced resources get their new object before the old one goes. */
import type { Address } from '../model/address.js'
import { formerAddress } from '../model/former.js'
import type { Decided } from './decision.js'

/**
 * The addresses, each with the one whose `lifecycle.createBeforeDestroy` asks for it: its own, or that of a resource whose old and
 * new object both need it. The new one of that comes first, and needs the new one of this; the old one goes before the old one of
 * this can. One former object at a time: while there is one already, it goes before its successor comes. Linear.
 */
export function newFirst(decided: ReadonlyMap<Address, Decided>): ReadonlyMap<Address, Address> {
  const found = new Map<Address, Address>()
  for (const { address, decision, desired } of decided.values()) {
    const asks = decision.action === 'replace' && desired?.lifecycle.createBeforeDestroy
    if (asks && !decided.has(formerAddress(address))) found.set(address, address)
  }
  // What is added on the way is looked at, too
  for (const [address, root] of found) {
    const { desired, record } = decided.get(address) ?? {}
    const before = new Set(record?.dependencies)
    for (const dependency of desired?.dependencies ?? []) {
      if (found.has(dependency) || !before.has(dependency)) continue
      if (decided.get(dependency)?.decision.action !== 'replace') continue
      if (!decided.has(formerAddress(dependency))) found.set(dependency, root)
    }
  }
  return found
}

/** Whether both objects of a replacement would have the same name in the same system. */
export function isNamedAlike({ desired, record }: Pick<Decided, 'desired' | 'record'>): boolean {
  return desired?.name === record?.name && desired?.connection === record?.connection
}
