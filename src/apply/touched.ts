/** What is really there of all that an apply was about, to find the way on from wherever it was cut off. */
import type { Address } from '../model/address.js'
import { formerAddress, originalAddress } from '../model/former.js'
import type { Observation } from '../providers/provider.js'
import type { StateDocument } from '../state/document.js'
import { aimAt, type Engine, observeAll } from './engine.js'
import type { Folded } from './fold.js'
import { openFacts } from './observer.js'

/** Observes all that an unfinished apply may have touched, in-flight objects by the identity chosen for them. */
export async function observeTouched(
  engine: Engine,
  base: StateDocument,
  folded: Folded,
  signal: AbortSignal,
): Promise<Map<Address, Observation>> {
  const documents = new Map(folded.plan.steps.map(step => [step.address, step.desired]))
  const former = [...folded.records.keys()].filter(address => originalAddress(address) !== address)
  const addresses = new Set([...folded.touched, ...documents.keys(), ...former])
  const aimed = [...addresses].flatMap(address => {
    const flight = folded.inFlight.get(address)
    const record = folded.records.get(address) ?? base.resources[address]
    if (flight?.step.desired && flight.step.action !== 'update') {
      const { kind, name, spec, connection } = flight.step.desired
      const target = { address, kind, name, spec, identity: flight.identity }
      const old = flight.step.phase === 'create' ? folded.records.get(address) : undefined
      const own = { connection, target }
      return old ? [own, aimAt({ ...old, address: formerAddress(address) })] : [own]
    }
    // As the step that goes on from here reads it: by what was tried.
    const tried = folded.attempted.get(address)
    if (record) return [aimAt(tried ? { ...record, spec: tried } : record)]
    const desired = documents.get(address)
    if (!desired) return []
    const { kind, name, spec, connection } = desired
    return [{ connection, target: { address, kind, name, spec } }]
  })
  const observed = await observeAll(engine, aimed, signal)
  const kindOf = new Map(aimed.map(({ target }) => [target.address, engine.kinds.get(target.kind)]))
  // What is read here may be recorded.
  return new Map(
    [...observed].map(([address, seen]) => [
      address,
      seen.status === 'present' ? { ...seen, facts: openFacts(seen.facts, kindOf.get(address)) } : seen,
    ]),
  )
}
