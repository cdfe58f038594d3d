/** Resources that need each other: none of them could be made first. */
import type { Address } from '../model/address.js'
import type { DesiredResource } from './desired.js'
import type { Index } from './expand.js'
import { putInOrder } from './order.js'
import type { Problems } from './problems.js'

/** A problem for each cycle, at its first resource. */
export function tellCycles(cycles: readonly (readonly Address[])[], index: Index, problems: Problems): void {
  for (const cycle of cycles) {
    const [address = ''] = cycle
    const self = cycle.length === 2
    problems.add({
      code: 'cycle',
      message: self
        ? `${address} depends on itself.`
        : `Resources depend on each other: ${shortened(cycle).join(' → ')}.`,
      why: 'None of them could be made first.',
      hint: 'Remove one of the references or entries of dependsOn along the way.',
      address,
      document: index.instances.get(address)?.raw.document,
      path: ['metadata', 'name'],
    })
  }
}

/** Of a very long cycle its ends. */
function shortened(cycle: readonly Address[]): readonly string[] {
  if (cycle.length <= 24) return cycle
  return [...cycle.slice(0, 12), `… ${cycle.length - 22} more …`, ...cycle.slice(-10)]
}

/** Cycles that come from what a kind knows to be needed, where references and dependsOn alone make none. */
export function impliedCycles(
  resolved: ReadonlyMap<Address, DesiredResource>,
  { instances }: Index,
): readonly (readonly Address[])[] {
  for (const [address, { dependencies }] of resolved) {
    if (dependencies.length === instances.get(address)?.needs.length) continue
    return putInOrder(resolved, resource => resource.dependencies).cycles
  }
  return []
}
