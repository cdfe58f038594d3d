/**
 * The ways out of an apply that stopped half-way: forward to what it was to reach, or back to what was there before. Both
 * are plans like any other, made from the journal and from what is really there.
 */

import type { Address } from '../model/address.js'
import { formerAddress, originalAddress } from '../model/former.js'
import type { Attributes, Json } from '../model/value.js'
import { sameIdentity } from '../planner/identity.js'
import type { PlanInput, Restore } from '../planner/input.js'
import type { Step } from '../planner/plan.js'
import type { Identity, Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import { type Folded, type InFlight, isMaking, putIn, recordedAt, taintedRecord, takeOut } from './fold.js'
import type { Kept } from './record.js'

type WayInput = Pick<PlanInput, 'desired' | 'restore' | 'options' | 'observed'> & {
  readonly records: Readonly<Record<Address, ResourceRecord>>
  readonly gone: readonly Step[]
}

type Records = Readonly<Record<Address, ResourceRecord>>

/** What is recorded and what is there, with nothing in flight any more. */
interface Settled {
  readonly records: Record<Address, ResourceRecord>
  readonly observed: Map<Address, Observation>
  /** Deletes that were in flight and have come through: nobody has recorded that yet. */
  readonly gone: readonly Step[]
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
export function settle(folded: Folded, seen: ReadonlyMap<Address, Observation>): Settled {
  const records = new Map(folded.records)
  const observed = new Map(seen)
  const gone: Step[] = []
  for (const [address, { step, identity }] of folded.inFlight) {
    const unmaking = step.action === 'delete' || step.phase === 'delete'
    const key = recordedAt(records, step)
    if (unmaking && observed.get(key)?.status === 'absent') {
      const former = formerAddress(key)
      // The one before it stands behind the address again: so does what was read of that.
      if (records.has(former)) observed.set(key, observed.get(former) ?? unseen)
      takeOut(records, step)
      gone.push(step)
    }
    if (!isMaking(step) || !step.desired) continue
    const found = observed.get(address)
    const old = records.get(address)
    const isOld = step.phase === 'create' && isTheOld(found, old, identity)
    if (found?.status !== 'absent' && !isOld && !isForeign(found, identity, folded.lineage, address)) {
      putIn(records, step, taintedRecord(step.desired, identity, found))
    } else if (old && step.phase === 'create') {
      // A new one that was to be made before the old one goes is not there: the old one is as it was.
      observed.set(address, observed.get(formerAddress(address)) ?? unseen)
    } else records.delete(address)
  }
  return { records: Object.fromEntries(records), observed, gone }
}

/** Whether what is found under the name of a new object is the one that it was to replace. */
function isTheOld(
  found: Observation | undefined,
  old: ResourceRecord | undefined,
  identity: Identity,
): boolean {
  if (found?.status !== 'present' || old === undefined) return false
  return sameIdentity(found.identity, old.identity) && !sameIdentity(found.identity, identity)
}

const unseen: Observation = { status: 'unreadable', why: 'it was not read' }

/** Whether what is found in the place of an object that was being made is somebody else's. */
export function isForeign(
  seen: Observation | undefined,
  identity: Identity,
  lineage: string,
  address: Address,
): boolean {
  if (seen?.status !== 'present') return false
  if (seen.owner) return seen.owner.lineage !== lineage || seen.owner.address !== originalAddress(address)
  const { uuid } = seen.identity
  return uuid !== undefined && identity.uuid !== undefined && uuid !== identity.uuid
}

/** Back: every touched object as it was before this apply, data included. */
export function wayBack(folded: Folded, base: Records, seen: ReadonlyMap<Address, Observation>): WayInput {
  const former = { ...Object.fromEntries(folded.found), ...base }
  const { records, observed, gone } = settle(folded, seen)
  for (const address of beyondReading(folded, Object.values(base), records, observed))
    observed.set(address, { status: 'absent' })
  const only = new Set(folded.touched)
  const succeeded = new Set<Address>()
  for (const address of newFormers(records, base)) {
    const original = originalAddress(address)
    succeeded.add(original)
    const [now, known] = [records[original], former[original]]
    // On an earlier way back the one that was there came again, and its successor has still to go.
    if (!(now && known && sameIdentity(now.identity, known.identity))) swap(records, observed, address)
    only.add(address)
  }
  for (const [address, record] of Object.entries(records)) {
    const known = former[address]
    const { tainted, ...untainted } = record
    // What was tainted before this apply goes back to that, and is not replaced for it.
    const same = known !== undefined && sameIdentity(known.identity, record.identity)
    const before = same && known.tainted === tainted ? untainted : record
    const spec = folded.attempted.get(address)
    records[address] = spec ? { ...before, spec } : before
  }
  const desired = new Map<Address, DesiredResource>()
  for (const record of Object.values(former)) {
    // What was recorded and not there is not there again.
    if (folded.touched.has(record.address) && folded.plan.observed[record.address] === 'absent') continue
    const spec = folded.touched.has(record.address) ? folded.before.get(record.address) : undefined
    desired.set(record.address, recordAsDesired(record, spec && beforeSpec(record, spec)))
  }
  const restore = restores(former, folded.kept)
  for (const [address, { identity }] of resumable(folded, records, 'back')) {
    const back = restore.get(address)
    if (!back || !sameIdentity(back.identity, identity)) continue
    delete records[address]
    restore.set(address, { ...back, resume: true })
  }
  // A step on one whose successor is there still would be taken for one on the successor by the next way back.
  const halfGoneAlone = [...halfGone(folded)].filter(address => !succeeded.has(address))
  return {
    ...{ desired, records, observed, gone, restore },
    options: {
      ...{ mode: 'rollback', only, unprotected: true },
      ...{ restart: restartable(folded), again: new Set([...updatesInFlight(folded), ...halfGoneAlone]) },
    },
  }
}

/**
 * What this apply has taken out of an object whose own delete was cut off: it was proved gone, and cannot be read while that
 * is half gone (a volume in a pool that is stopped). It counts as gone, and is read again before it is made. `wanted` is what
 * may be made again.
 */
function beyondReading(
  folded: Folded,
  wanted: readonly Pick<DesiredResource, 'address' | 'dependencies'>[],
  records: Records,
  observed: ReadonlyMap<Address, Observation>,
): Address[] {
  const below = halfGone(folded)
  if (below.size === 0) return []
  const taken = (address: Address) =>
    folded.touched.has(address) && !records[address] && !folded.inFlight.has(address)
  return wanted
    .filter(({ address }) => taken(address) && observed.get(address)?.status === 'unreadable')
    .filter(({ dependencies }) => dependencies.some(one => below.has(one)))
    .map(({ address }) => address)
}

/**
 * Deletes of which nobody knows how far they came. An object that is there still may have lost what a reading does not show:
 * a file system that no server may serve any more.
 */
function halfGone(folded: Folded): Set<Address> {
  return new Set(
    [...folded.inFlight].flatMap(([address, { step }]) =>
      step.action === 'delete' || step.phase === 'delete' ? [address] : [],
    ),
  )
}

/** Creates of that direction that were cut off and have left something: they are gone on with, not undone. */
function resumable(folded: Folded, records: Records, direction: 'forward' | 'back'): [Address, InFlight][] {
  return [...folded.inFlight].filter(([address, flight]) => {
    const left = records[address]
    return (
      isMaking(flight.step) &&
      flight.direction === direction &&
      left &&
      sameIdentity(left.identity, flight.identity)
    )
  })
}

/**
 * Updates of which nobody knows how far they came. One that was on its way elsewhere may have changed only a part that a
 * reading does not show: what is stored of a machine, while it runs on as it was.
 */
function updatesInFlight(folded: Folded): Set<Address> {
  return new Set(
    [...folded.inFlight].flatMap(([address, { step }]) => (step.action === 'update' ? [address] : [])),
  )
}

/** What the approved plan was allowed to restart. */
function restartable(folded: Folded): Set<Address> {
  return new Set(folded.plan.steps.flatMap(step => (step.restart ? [step.address] : [])))
}

/** Addresses of objects that this apply has made itself, or has begun to. */
function madeSince(records: Records, base: Records): Set<Address> {
  const made = Object.values(records).filter(({ address, identity }) => {
    const known = base[originalAddress(address)]
    return known === undefined || !sameIdentity(known.identity, identity)
  })
  return new Set(made.map(record => record.address))
}

/** Addresses of former objects whose successor this apply has made. */
function newFormers(records: Records, base: Records): Address[] {
  return Object.keys(records).filter(address => originalAddress(address) !== address && !base[address])
}

/** The former object stands behind the address again, and its successor is the one to go. */
function swap(records: Settled['records'], observed: Settled['observed'], former: Address): void {
  const address = originalAddress(former)
  const [old, successor] = [records[former], records[address]]
  const [seenOld, seenNew] = [observed.get(former), observed.get(address)]
  if (old) records[address] = { ...old, address }
  observed.set(address, seenOld ?? unseen)
  delete records[former]
  if (successor) records[former] = { ...successor, address: former }
  observed.set(former, seenNew ?? unseen)
}

/** Declared attributes as they were; what could not be read is as recorded. */
function beforeSpec(record: ResourceRecord, observed: Attributes): Attributes {
  const known = Object.keys(record.spec).map(key => [key, observed[key] ?? record.spec[key]])
  return Object.fromEntries(known) as Attributes
}

/** Forward: what the approved plan was to reach, for every resource that it was to change. */
export function wayForward(folded: Folded, base: Records, seen: ReadonlyMap<Address, Observation>): WayInput {
  const { records, observed, gone } = settle(folded, seen)
  const documents = folded.plan.steps.flatMap(step => step.desired ?? [])
  for (const address of beyondReading(folded, documents, records, observed))
    observed.set(address, { status: 'absent' })
  const restore = new Map<Address, Restore>()
  for (const [address, { step, identity }] of resumable(folded, records, 'forward')) {
    delete records[address]
    restore.set(address, { identity, token: tokenOf(folded, address, step.restore), resume: true })
  }
  for (const step of folded.plan.steps) {
    const now = records[step.address]
    if (!step.restore || restore.has(step.address)) continue
    if (now && sameIdentity(now.identity, step.restore.identity)) continue
    restore.set(step.address, { ...step.restore, token: tokenOf(folded, step.address, step.restore) })
  }
  const desired = new Map<Address, DesiredResource>()
  for (const record of Object.values(records)) desired.set(record.address, recordAsDesired(record))
  const only = new Set<Address>()
  for (const step of folded.plan.steps) {
    only.add(step.address)
    if (step.desired) desired.set(step.address, step.desired)
    else if (step.phase !== 'delete') desired.delete(step.address)
  }
  for (const former of newFormers(records, base)) {
    only.add(former)
    desired.delete(former)
  }
  const { mode } = folded.plan
  const restart = restartable(folded)
  const unprotected = madeSince(records, base)
  const options = {
    ...{ mode: mode === 'destroy' ? ('apply' as const) : mode, only, unprotected },
    ...{ restart, again: updatesInFlight(folded) },
  }
  return { desired, records, observed, gone, restore, options }
}

/** What brings an object back by now: its data may have been brought back and put aside again since. */
function tokenOf(folded: Folded, address: Address, restore: Restore | undefined): Json {
  if (!restore) return null
  const kept = folded.kept.findLast(
    one => one.address === address && sameIdentity(one.identity, restore.identity),
  )
  return kept ? kept.token : restore.token
}

/** How resources of a former state come back that are gone, or are others or broken by now: as the objects that they were. */
export function restores(former: Records, kept: readonly Kept[]): Map<Address, Restore> {
  const found = new Map<Address, Restore>()
  for (const { address, identity } of Object.values(former)) {
    // The last one counts: what was brought back and deleted again is where the last delete put it.
    const own = kept.findLast(
      one => one.address === originalAddress(address) && sameIdentity(one.identity, identity),
    )
    found.set(address, { identity, token: own?.token ?? null, ...(own?.spec && { spec: own.spec }) })
  }
  return found
}
