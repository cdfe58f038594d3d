/** The needs between steps: dependencies first when making, dependents first when unmaking. */
import type { Address } from '../model/address.js'
import { formerAddress } from '../model/former.js'
import type { Decided } from './decision.js'
import { newFirst } from './new-first.js'
import { type Needs, order } from './order.js'
import type { Step } from './plan.js'

type Draft = Omit<Step, 'needs'>

interface Halves {
  making?: Draft
  unmaking?: Draft
}

/** Whether a step unmakes an object: a delete, the first half of a replacement, a forget. */
function unmakes(step: Draft): boolean {
  return step.action === 'delete' || step.action === 'forget' || step.phase === 'delete'
}

/**
 * The steps with their needs, in an order in which they could be done one by one. Where a new object cannot be made before its
 * old one goes, as two would have one name, the old one goes first, and so do those that would have to wait for it.
 */
export function wire(drafts: readonly Draft[], decided: ReadonlyMap<Address, Decided>): Step[] {
  const byId = new Map(drafts.map(draft => [draft.id, draft]))
  const first = new Set(newFirst(decided).keys())
  for (;;) {
    const needs = needsOf(drafts, decided, first)
    const { ids, circle } = order(needs)
    const waiting = circle.map(id => byId.get(id)?.address ?? '').filter(address => first.has(address))
    if (waiting.length === 0) {
      return ids.flatMap(id => {
        const draft = byId.get(id)
        const own = needs.get(id)
        if (!draft || !own) return []
        return [{ ...draft, needs: [...own.hard, ...own.soft].sort() }]
      })
    }
    for (const address of waiting) first.delete(address)
  }
}

/** `first`: the replaced ones whose new object is made before the old one goes. */
function needsOf(
  drafts: readonly Draft[],
  decided: ReadonlyMap<Address, Decided>,
  first: ReadonlySet<Address>,
): Map<string, Needs> {
  const halves = new Map<Address, Halves>()
  const needs = new Map<string, Needs>()
  for (const draft of drafts) {
    const own = halves.get(draft.address) ?? {}
    if (unmakes(draft)) own.unmaking = draft
    else own.making = draft
    halves.set(draft.address, own)
    needs.set(draft.id, { hard: new Set(), soft: new Set() })
  }
  const need = (step: Draft | undefined, other: Draft | undefined, sort: keyof Needs = 'hard') => {
    if (step && other && step.id !== other.id) needs.get(step.id)?.[sort].add(other.id)
  }
  const freed = new Map<string, Draft>()
  for (const { unmaking } of halves.values()) if (unmaking) freed.set(objectKey(unmaking), unmaking)

  for (const [address, { making, unmaking }] of halves) {
    const subject = decided.get(address)
    if (making) {
      for (const dependency of subject?.desired?.dependencies ?? [])
        need(making, halves.get(dependency)?.making)
      // An object of the same name, under another address, goes first.
      if (making.action === 'create') need(making, freed.get(objectKey(making)))
    }
    if (making && unmaking) {
      if (first.has(address) && objectKey(making) !== objectKey(unmaking)) need(unmaking, making)
      else need(making, unmaking)
    }
  }
  for (const [address, { making, unmaking }] of halves) {
    const record = decided.get(address)?.record
    const stillNeeds = new Set(decided.get(address)?.desired?.dependencies)
    for (const dependency of record?.dependencies ?? []) {
      const former = halves.get(formerAddress(dependency))?.unmaking
      need(former, unmaking ?? making, 'soft')
      const below = halves.get(dependency)
      if (!below?.unmaking) continue
      // What depends on it goes before it; what only depended on it lets go of it first.
      if (unmaking) need(below.unmaking, unmaking)
      else if (making && !stillNeeds.has(dependency)) need(below.unmaking, making, 'soft')
    }
    if (making && !unmaking) {
      for (const dependency of stillNeeds) {
        const below = halves.get(dependency)
        if (below?.unmaking && first.has(dependency)) need(below.unmaking, making, 'soft')
      }
    }
  }
  return needs
}

function objectKey(step: Draft): string {
  return `${step.connection} ${step.kind} ${step.name}`
}
