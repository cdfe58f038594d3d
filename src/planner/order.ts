/** An order of steps in which each comes after all that it needs. */

/** What a step needs. `soft` needs are wishes: they are given up where they would close a circle. */
export interface Needs {
  readonly hard: Set<string>
  readonly soft: Set<string>
}

/**
 * Orders ids in waves: first all that need nothing, sorted, then all that need only those, and so on. Where no step is free,
 * soft needs of the rest are dropped (and removed from `needs`). A circle of hard needs is broken at its first id, so that this
 * never fails; `circle` has the ids in it, and those that wait for it. Linear in steps and needs, but for the sorting.
 */
export function order(needs: Map<string, Needs>): {
  readonly ids: readonly string[]
  readonly circle: readonly string[]
} {
  const waiting = new Map<string, number>()
  const dependents = new Map<string, string[]>()
  for (const [id, { hard, soft }] of needs) {
    for (const other of soft) if (hard.has(other)) soft.delete(other)
    waiting.set(id, hard.size + soft.size)
    for (const other of [...hard, ...soft]) {
      const list = dependents.get(other)
      if (list) list.push(id)
      else dependents.set(other, [id])
    }
  }
  const ordered: string[] = []
  const circle: string[] = []
  let wave = [...needs.keys()].filter(id => waiting.get(id) === 0)
  while (waiting.size > 0) {
    if (wave.length === 0) wave = withoutWishes(needs, waiting)
    if (wave.length === 0) {
      circle.push(...waiting.keys())
      wave = broken(needs, waiting)
    }
    wave.sort()
    const next: string[] = []
    for (const id of wave) {
      ordered.push(id)
      waiting.delete(id)
    }
    for (const id of wave) {
      for (const dependent of dependents.get(id) ?? []) {
        const left = waiting.get(dependent)
        const own = needs.get(dependent)
        if (left === undefined || !(own?.hard.has(id) || own?.soft.has(id))) continue
        waiting.set(dependent, left - 1)
        if (left === 1) next.push(dependent)
      }
    }
    wave = next
  }
  return { ids: ordered, circle }
}

/** Frees steps of a rest in which each waits for another, by dropping its soft needs. */
function withoutWishes(needs: Map<string, Needs>, waiting: Map<string, number>): string[] {
  const freed: string[] = []
  for (const id of waiting.keys()) {
    const own = needs.get(id)
    if (!own) continue
    for (const other of own.soft) {
      if (!waiting.has(other)) continue
      own.soft.delete(other)
      waiting.set(id, (waiting.get(id) ?? 1) - 1)
    }
    if (waiting.get(id) === 0) freed.push(id)
  }
  return freed
}

/** Lets the first id of a circle through. */
function broken(needs: Map<string, Needs>, waiting: Map<string, number>): string[] {
  const first = [...waiting.keys()].sort()[0]
  if (first === undefined) return []
  const own = needs.get(first)
  if (own) for (const other of own.hard) if (waiting.has(other)) own.hard.delete(other)
  waiting.set(first, 0)
  return [first]
}
