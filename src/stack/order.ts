/** Puts resources in an order in which each comes after what it needs, or finds where they go round in a circle. */

export interface Ordered {
  /** Everything that is in no cycle and behind none; dependencies first, otherwise as given. */
  readonly order: readonly string[]
  /** Each as the addresses along it, the first one again at its end. */
  readonly cycles: readonly (readonly string[])[]
}

/** Addresses that are not among the keys are passed over. Takes time in proportion to the edges. */
export function putInOrder(dependencies: ReadonlyMap<string, readonly string[]>): Ordered {
  const waiting = new Map<string, number>()
  const dependents = new Map<string, string[]>()
  for (const [address, needs] of dependencies) {
    let count = 0
    for (const need of needs) {
      if (!dependencies.has(need)) continue
      count++
      const list = dependents.get(need)
      if (list) list.push(address)
      else dependents.set(need, [address])
    }
    waiting.set(address, count)
  }
  const order: string[] = []
  for (const [address, count] of waiting) if (count === 0) order.push(address)
  for (let index = 0; index < order.length; index++) {
    const done = order[index] as string
    waiting.delete(done)
    for (const dependent of dependents.get(done) ?? []) {
      const left = (waiting.get(dependent) ?? 0) - 1
      waiting.set(dependent, left)
      if (left === 0) order.push(dependent)
    }
  }
  return { order, cycles: findCycles(dependencies, waiting) }
}

/** One cycle for each group of addresses that are stuck; following needs among the stuck ones must come round. */
function findCycles(
  dependencies: ReadonlyMap<string, readonly string[]>,
  stuck: Map<string, number>,
): (readonly string[])[] {
  const cycles: string[][] = []
  const seen = new Set<string>()
  for (const start of stuck.keys()) {
    const trail: string[] = []
    const places = new Map<string, number>()
    let at: string | undefined = start
    while (at !== undefined && !seen.has(at)) {
      const place = places.get(at)
      if (place !== undefined) {
        cycles.push([...trail.slice(place), at])
        break
      }
      places.set(at, trail.length)
      trail.push(at)
      at = dependencies.get(at)?.find(need => stuck.has(need))
    }
    for (const address of trail) seen.add(address)
    if (cycles.length >= 20) break
  }
  return cycles
}
