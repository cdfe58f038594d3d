/**
 * The ways out of an apply that stopped half-way: forward to what it was to reach, or back to what was there before. Both
 * are plans like any other, made from the journal and from what is really there.
 */

import type { Address } from '../model/address.js'
import type { Attributes } from '../model/value.js'
import { sameIdentity } from '../planner/identity.js'
import type { PlanInput, Restore } from '../planner/input.js'
import type { Identity, Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import type { Folded } from './fold.js'
import type { Kept } from './record.js'

type WayInput = Pick<PlanInput, 'desired' | 'restore' | 'options'> & {
  readonly records: Readonly<Record<Address, ResourceRecord>>
}

/** A record as something to reach again. */
export function recordAsDesired(record: ResourceRecord, spec?: Attributes): DesiredResource {
  const {
    identity: _identity,
    facts: _facts,
    pending: _pending,
    tainted: _tainted,
    adopted: _adopted,
    ...desired
  } = record
  return { ...desired, ...(spec && { spec }), managed: true }
}

/**
 * The records with what is in flight settled by what was observed: a create that left something is a tainted record, a
 * delete that came through is none. What cannot be read stays as it was, or tainted.
 */
export function settle(
  folded: Folded,
  observed: ReadonlyMap<Address, Observation>,
): Record<Address, ResourceRecord> {
  const records = new Map(folded.records)
  for (const [address, { step, identity }] of folded.inFlight) {
    const seen = observed.get(address)
    const making = step.action === 'create' || step.phase === 'create'
    const unmaking = step.action === 'delete' || step.phase === 'delete'
    if (unmaking && seen?.status === 'absent') records.delete(address)
    if (!making || !step.desired) continue
    const foreign = seen?.status === 'present' && seen.owner && seen.owner.lineage !== folded.lineage
    if (seen?.status === 'absent' || foreign) records.delete(address)
    else records.set(address, taintedRecord(step.desired, identity, seen))
  }
  return Object.fromEntries(records)
}

function taintedRecord(
  desired: DesiredResource,
  identity: Identity,
  seen: Observation | undefined,
): ResourceRecord {
  const { managed: _, ...kept } = desired
  const found = seen?.status === 'present' ? seen : undefined
  return {
    ...kept,
    identity: { ...identity, ...found?.identity },
    facts: found?.facts ?? {},
    tainted: 'its create did not finish',
  }
}

/** Back: every touched object as it was before this apply, data included. */
export function wayBack(
  folded: Folded,
  base: Readonly<Record<Address, ResourceRecord>>,
  observed: ReadonlyMap<Address, Observation>,
): WayInput {
  const records = settle(folded, observed)
  const desired = new Map<Address, DesiredResource>()
  for (const record of Object.values(base)) {
    const spec = folded.touched.has(record.address) ? folded.before.get(record.address) : undefined
    desired.set(record.address, recordAsDesired(record, spec && beforeSpec(record, spec)))
  }
  return {
    desired,
    records,
    restore: restores(base, records, folded.kept),
    options: { mode: 'rollback', only: folded.touched, unprotected: true },
  }
}

/** Declared attributes as they were; what could not be read is as recorded. */
function beforeSpec(record: ResourceRecord, observed: Attributes): Attributes {
  const known = Object.keys(record.spec).map(key => [key, observed[key] ?? record.spec[key]])
  return Object.fromEntries(known) as Attributes
}

/** Forward: what the approved plan was to reach, for every resource that it was to change. */
export function wayForward(folded: Folded, observed: ReadonlyMap<Address, Observation>): WayInput {
  const records = settle(folded, observed)
  const restore = new Map<Address, Restore>()
  for (const [address, { step, identity }] of folded.inFlight) {
    const making = step.action === 'create' || step.phase === 'create'
    if (!making || records[address] === undefined) continue
    delete records[address]
    restore.set(address, { identity, token: step.restore?.token ?? null, resume: true })
  }
  for (const step of folded.plan.steps) {
    if (step.restore && !restore.has(step.address) && !records[step.address])
      restore.set(step.address, step.restore)
  }
  const desired = new Map<Address, DesiredResource>()
  for (const record of Object.values(records)) desired.set(record.address, recordAsDesired(record))
  const only = new Set<Address>()
  for (const step of folded.plan.steps) {
    only.add(step.address)
    if (step.desired) desired.set(step.address, step.desired)
    else if (step.phase !== 'delete') desired.delete(step.address)
  }
  const { mode } = folded.plan
  return { desired, records, restore, options: { mode: mode === 'destroy' ? 'apply' : mode, only } }
}

/** How resources of a former state come back that are gone, or are others by now. */
export function restores(
  former: Readonly<Record<Address, ResourceRecord>>,
  current: Readonly<Record<Address, ResourceRecord>>,
  kept: readonly Kept[],
): Map<Address, Restore> {
  const tokens = new Map(kept.map(one => [one.address, one]))
  const found = new Map<Address, Restore>()
  for (const { address, identity } of Object.values(former)) {
    const now = current[address]
    const token = tokens.get(address)
    const same = token !== undefined && sameIdentity(token.identity, identity)
    if (now && sameIdentity(now.identity, identity) && !same) continue
    found.set(address, { identity, token: same ? token.token : null })
  }
  return found
}
