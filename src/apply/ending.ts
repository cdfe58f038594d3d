/** What is left of an apply that has ended: the records for the state, what its checkpoint keeps, and its summary. */
import type { Address } from '../model/address.js'
import { originalAddress } from '../model/former.js'
import { sameIdentity } from '../planner/identity.js'
import type { Action } from '../planner/plan.js'
import type { Identity } from '../providers/provider.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import type { Engine } from './engine.js'
import type { Folded } from './fold.js'
import type { Kept } from './record.js'
import { observeTouched } from './touched.js'
import { settle } from './ways.js'

export type Ended = 'applied' | 'rolled-back' | 'stopped'

/**
 * Destroys what deletes kept of objects that this apply had made itself: nobody had anything in them before. What it had
 * found or brought back is not its own to destroy. Returns what remains kept; what cannot be destroyed now stays in the
 * checkpoint, for a prune.
 */
export async function discardOwn(
  engine: Engine,
  base: StateDocument,
  folded: Folded,
  signal: AbortSignal,
): Promise<Kept[]> {
  const remaining: Kept[] = []
  const had = new Map<Address, Identity[]>()
  for (const records of [Object.values(base.resources), folded.found.values(), folded.restored]) {
    for (const { address, identity } of records) {
      const original = originalAddress(address)
      had.set(original, [...(had.get(original) ?? []), identity])
    }
  }
  await Promise.all(
    folded.kept.map(async kept => {
      const known = had.get(kept.address)?.some(identity => sameIdentity(kept.identity, identity)) === true
      const provider = engine.providers.get(kept.connection)
      if (known || !provider?.discard) remaining.push(kept)
      // it stays with the checkpoint, and goes with it when that is pruned
      else await provider.discard(kept.token, signal).catch(() => remaining.push(kept))
    }),
  )
  return remaining
}

/** What the state records after it. */
export async function finalRecords(
  engine: Engine,
  base: StateDocument,
  result: Ended,
  folded: Folded,
  signal: AbortSignal,
): Promise<Record<Address, ResourceRecord>> {
  if (result === 'stopped') return settle(folded, await observeTouched(engine, base, folded, signal)).records
  const records = Object.fromEntries(folded.records)
  if (result === 'applied') return records
  // Back where it was: what the base recorded, with what the objects that came back are called now.
  for (const address of folded.touched) {
    const recorded = base.resources[address]
    const now = records[address]
    if (recorded)
      records[address] = now ? { ...recorded, identity: now.identity, facts: now.facts } : recorded
    // What was found is there as it was, and nobody's again.
    else delete records[address]
  }
  return records
}

/** `3 created, 1 destroyed`; of an apply that went back or stopped, with that before it. */
export function summaryOf(folded: Folded, result: Ended): string {
  const counts = new Map<Action, number>()
  for (const step of folded.done) {
    if (step.phase === 'delete') continue
    counts.set(step.action, (counts.get(step.action) ?? 0) + 1)
  }
  const told = [...counts].map(([action, count]) => `${count} ${past[action]}`).join(', ')
  return result === 'applied' ? told : `${result}: ${told}`
}

const past: Readonly<Record<Action, string>> = {
  create: 'created',
  update: 'changed',
  replace: 'replaced',
  delete: 'destroyed',
  adopt: 'taken over',
  forget: 'forgotten',
  'no-op': 'recorded',
}
