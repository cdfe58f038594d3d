/** Replacements that follow from replacements: a VM whose disk is made anew cannot stay. */
import type { Address } from '../model/address.js'
import type { Decided } from './decision.js'

/** Turns decisions of dependents into replacements where their kind asks for it, along the dependencies. */
export function replacedAlong(decided: Map<Address, Decided>): void {
  const queue = [...decided.values()].filter(one => one.decision.action === 'replace').map(one => one.address)
  if (queue.length === 0) return
  const dependents = new Map<Address, Address[]>()
  for (const { address, desired } of decided.values()) {
    for (const dependency of desired?.dependencies ?? []) {
      const list = dependents.get(dependency)
      if (list) list.push(address)
      else dependents.set(dependency, [address])
    }
  }
  for (let below = queue.pop(); below !== undefined; below = queue.pop()) {
    const replaced = decided.get(below)
    for (const address of dependents.get(below) ?? []) {
      const subject = decided.get(address)
      if (!subject?.record || !replaced) continue
      if (!['none', 'no-op', 'update'].includes(subject.decision.action)) continue
      if (!subject.kind.replacedWith?.(replaced.kind.kind)) continue
      const changes = subject.decision.action === 'update' ? subject.decision.changes : []
      decided.set(address, {
        ...subject,
        decision: { action: 'replace', changes, cause: `${below}, which it holds, is replaced` },
      })
      queue.push(address)
    }
  }
}
