/** What a journal comes to: what was done, what is in flight, what was kept. Pure. */

import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { formerAddress, originalAddress } from '../model/former.js'
import type { Attributes, Json } from '../model/value.js'
import { sameIdentity } from '../planner/identity.js'
import type { Plan, Step } from '../planner/plan.js'
import type { Identity, Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import type { JournalRecord, Kept } from './record.js'

/** A step whose intent is recorded and whose end is not: nobody knows yet what was done of it. */
export interface InFlight {
  readonly step: Step
  readonly identity: Identity
  /** Where the plan was headed that it is a step of. */
  readonly direction: 'forward' | 'back'
  /** Its declared attributes just before, of one that was there. */
  readonly from?: Attributes
}

export interface Folded {
  readonly id: string
  readonly lineage: string
  readonly command: string
  readonly at: number
  /** The plan that was approved: the journal's first. */
  readonly plan: Plan
  /** Where the last plan was headed. */
  readonly direction: 'forward' | 'back'
  /** Base records with everything that was done put in. */
  readonly records: Map<Address, ResourceRecord>
  readonly inFlight: Map<Address, InFlight>
  /** Addresses whose real objects may have been changed. */
  readonly touched: Set<Address>
  /** Declared attributes of touched objects as they were before the first change. */
  readonly before: Map<Address, Attributes>
  /** What updates were to make of objects, where nobody knows whether they did: what they added is there, or is not. */
  readonly attempted: Map<Address, Attributes>
  /** Objects that were there before this apply and were recorded nowhere: it has taken them over. */
  readonly found: Map<Address, ResourceRecord>
  /** What deletes kept and nothing has used since. */
  readonly kept: Kept[]
  /** Addresses of which something was kept: for most, nothing was before. */
  readonly everKept: Set<Address>
  /** Objects that this apply has brought back, or was about to. */
  readonly restored: { readonly address: Address; readonly identity: Identity; readonly token: Json }[]
  /** Steps that were done, by action. */
  readonly done: Step[]
}

/** Folds a journal over the records of the state it started from. */
export function foldJournal(
  base: Readonly<Record<Address, ResourceRecord>>,
  journal: readonly JournalRecord[],
): Folded {
  const open = journal[0]
  const first = journal.find(record => record.type === 'plan')
  if (open?.type !== 'open' || !first) throw broken('it does not begin with a plan')
  const folded: Folded & { direction: 'forward' | 'back' } = {
    id: open.id,
    lineage: open.lineage,
    command: open.command,
    at: open.at,
    plan: first.plan,
    direction: 'forward',
    records: new Map(Object.entries(base)),
    inFlight: new Map(),
    touched: new Set(),
    before: new Map(),
    attempted: new Map(),
    found: new Map(),
    kept: [],
    everKept: new Set(),
    restored: [],
    done: [],
  }
  const steps = new Map<string, Step>()
  for (const record of journal) {
    switch (record.type) {
      case 'plan':
        // What was in flight in the plan before may be told of only now.
        for (const step of record.plan.steps) steps.set(step.id, step)
        folded.direction = record.direction
        break
      case 'intent':
        intend(folded, stepOf(steps, record.step), record)
        break
      case 'keep':
        keep(folded, stepOf(steps, record.step), record.token)
        break
      case 'done':
        done(folded, stepOf(steps, record.step), record.record)
        break
      case 'open':
      case 'failed':
      case 'act':
      case 'acted':
      case 'closed':
        break
    }
  }
  return folded
}

function intend(folded: Folded, step: Step, intent: { identity: Identity; from?: Attributes }): void {
  const { address, restore } = step
  const { identity, from } = intent
  const unfinished = folded.inFlight.get(address)
  // A create that was cut off has left something, or this plan would not go on about it.
  const replaced = step.before !== undefined && sameIdentity(step.before.identity, unfinished?.identity ?? {})
  if (unfinished && isMaking(unfinished.step) && unfinished.step.desired && (!isMaking(step) || replaced))
    putIn(
      folded.records,
      unfinished.step,
      taintedRecord(unfinished.step.desired, unfinished.identity, undefined),
    )
  const old = folded.records.get(address)
  if (unfinished?.step.phase === 'create' && isMaking(step) && old && !sameIdentity(old.identity, identity)) {
    // It goes on with one that is made before the old one goes.
    const former = formerAddress(address)
    folded.records.set(former, { ...old, address: former })
    folded.records.delete(address)
  }
  if (step.action === 'update' && step.desired && folded.direction === 'forward')
    folded.attempted.set(address, step.desired.spec)
  folded.inFlight.set(address, { step, identity, direction: folded.direction, ...(from && { from }) })
  if (restore && restore.token !== null) folded.restored.push({ address, identity, token: restore.token })
  if (!folded.touched.has(address) && from) {
    folded.before.set(address, from)
    const found = !folded.records.has(address)
    const desired =
      found &&
      (step.desired ?? folded.plan.steps.find(one => one.address === address && one.desired)?.desired)
    if (desired) {
      const { managed: _, ...kept } = desired
      folded.found.set(address, { ...kept, spec: from, identity, facts: {} })
    }
  }
  folded.touched.add(address)
}

function keep(folded: Folded, step: Step, token: Json): void {
  const flight = folded.inFlight.get(step.address)
  const { kind, name, connection } = step
  const address = originalAddress(step.address)
  const identity = flight?.identity ?? step.before?.identity ?? {}
  drop(folded, address, identity)
  folded.everKept.add(address)
  const spec = flight?.from && declaredOf(step, flight.from)
  folded.kept.push({ address, kind, name, connection, identity, token, ...(spec && { spec }) })
}

/** What a record declares of an object, as it is read; what is secret, or nobody declared, is the system's alone to keep. */
function declaredOf({ before }: Step, from: Attributes): Attributes | undefined {
  if (before === undefined) return undefined
  const secret = new Set(before.sensitive.map(path => path.split(/[.[]/)[0]))
  const declared = Object.entries(from).filter(
    ([name]) => Object.hasOwn(before.spec, name) && !secret.has(name),
  )
  return Object.fromEntries(declared)
}

function done(folded: Folded, step: Step, record: ResourceRecord | null): void {
  const { address } = step
  const { records } = folded
  folded.inFlight.delete(address)
  folded.attempted.delete(address)
  if (step.action === 'adopt' && record && !records.has(address) && !folded.touched.has(address))
    folded.found.set(address, record)
  folded.touched.add(address)
  if (record) putIn(records, step, record)
  else takeOut(records, step)
  const used = step.restore
  if (used && record) drop(folded, address, used.identity)
  folded.done.push(step)
}

/** Whether a step makes an object. */
export function isMaking(step: Step): boolean {
  return step.action === 'create' || step.phase === 'create'
}

/** The record of an object whose create was cut off. */
export function taintedRecord(
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

/**
 * Records an object. One that is made before the one it replaces goes does not make that one forgotten, nor is it forgotten itself
 * where on the way back the former one stands behind the address again.
 */
export function putIn(records: Map<Address, ResourceRecord>, step: Step, record: ResourceRecord): void {
  const { address, phase } = step
  const old = records.get(address)
  const former = formerAddress(address)
  const before = records.get(former)
  const isBack = before !== undefined && sameIdentity(before.identity, record.identity)
  if ((phase === 'create' || isBack) && old && !sameIdentity(old.identity, record.identity))
    records.set(former, { ...old, address: former })
  records.set(address, record)
}

/** Where the object is recorded that a step takes away: under its address, or as the former one of it. */
export function recordedAt(
  records: ReadonlyMap<Address, ResourceRecord>,
  { address, before }: Step,
): Address {
  const original = originalAddress(address)
  const isIt = (key: Address) => {
    const record = records.get(key)
    return record !== undefined && before !== undefined && sameIdentity(record.identity, before.identity)
  }
  return [address, formerAddress(original), original].find(isIt) ?? address
}

/** Takes an object out of the records. Where its former one is still there, that stands behind the address again. */
export function takeOut(records: Map<Address, ResourceRecord>, step: Step): void {
  const key = recordedAt(records, step)
  const original = originalAddress(key)
  const former = formerAddress(original)
  records.delete(key)
  const old = records.get(former)
  if (key !== original || !old) return
  records.delete(former)
  records.set(original, { ...old, address: original })
}

function drop(folded: Folded, address: Address, identity: Identity): void {
  if (!folded.everKept.has(address)) return
  const index = folded.kept.findIndex(
    kept => kept.address === address && sameIdentity(kept.identity, identity),
  )
  if (index >= 0) folded.kept.splice(index, 1)
}

function stepOf(steps: ReadonlyMap<string, Step>, id: string): Step {
  const step = steps.get(id)
  if (!step) throw broken(`it tells of a step that its plan does not have: ${id}`)
  return step
}

function broken(why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'broken-journal',
    message: 'the journal of an unfinished apply does not make sense',
    why,
    hint: 'Keep the file; it is the only record of what was in flight. Compare the real systems with the state by hand.',
  })
}
