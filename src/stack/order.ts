/** Puts resources in an order in which each comes after what it needs, or finds where they go round in a circle. */
import type { Address } from '../model/address.js'

export interface Ordered {
  /** Everything that is in no cycle and behind none; needs first, otherwise as given. */
  readonly order: readonly Address[]
  /** Each as the addresses along it, the first one again at its end. */
  readonly cycles: readonly (readonly Address[])[]
}

const mostCycles = 20

/** Needs that are not among the addresses are passed over. Takes time in proportion to the needs. */
export function putInOrder<T>(
  items: ReadonlyMap<Address, T>,
  needsOf: (item: T) => readonly Address[],
): Ordered {
  const waiting = new Map<Address, number>()
  const dependents = new Map<Address, Address[]>()
  const order: Address[] = []
  for (const [address, item] of items) {
    let count = 0
    for (const need of needsOf(item)) {
      if (!items.has(need)) continue
      count++
      const list = dependents.get(need)
      if (list) list.push(address)
      else dependents.set(need, [address])
    }
    if (count === 0) order.push(address)
    else waiting.set(address, count)
  }
  for (let index = 0; index < order.length; index++) {
    for (const dependent of dependents.get(order[index] as Address) ?? []) {
      const left = (waiting.get(dependent) ?? 0) - 1
      if (left > 0) {
        waiting.set(dependent, left)
      } else {
        waiting.delete(dependent)
        order.push(dependent)
      }
    }
  }
  const needs = (address: Address): readonly Address[] => needsOf(items.get(address) as T)
  return { order, cycles: waiting.size > 0 ? findCycles(waiting, needs) : [] }
}

/** Cycles among those that are stuck: from each of them, following needs that are stuck, too, must come round. */
function findCycles(
  stuck: ReadonlyMap<Address, number>,
  needsOf: (address: Address) => readonly Address[],
): (readonly Address[])[] {
  const cycles: Address[][] = []
  const seen = new Set<Address>()
  for (const start of stuck.keys()) {
    const trail: Address[] = []
    const places = new Map<Address, number>()
    let at: Address | undefined = start
    while (at !== undefined && !seen.has(at)) {
      const place = places.get(at)
      if (place !== undefined) {
        cycles.push([...trail.slice(place), at])
        break
      }
      places.set(at, trail.length)
      trail.push(at)
      at = needsOf(at).find(need => stuck.has(need))
    }
    for (const address of trail) seen.add(address)
    if (cycles.length >= mostCycles) break
  }
  return cycles
}
