/** What a journal comes to: what was done, what is in flight, what was kept. Pure. */

import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Attributes, Json } from '../model/value.js'
import { sameIdentity } from '../planner/identity.js'
import type { Plan, Step } from '../planner/plan.js'
import type { Identity } from '../providers/provider.js'
import type { ResourceRecord } from '../state/document.js'
import type { JournalRecord, Kept } from './record.js'

/** A step whose intent is recorded and whose end is not: nobody knows yet what was done of it. */
export interface InFlight {
  readonly step: Step
  readonly identity: Identity
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
  /** What deletes kept and nothing has used since. */
  readonly kept: Kept[]
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
    kept: [],
    done: [],
  }
  let steps = new Map<string, Step>()
  for (const record of journal) {
    switch (record.type) {
      case 'plan':
        steps = new Map(record.plan.steps.map(step => [step.id, step]))
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
      case 'closed':
        break
    }
  }
  return folded
}

function intend(folded: Folded, step: Step, intent: { identity: Identity; from?: Attributes }): void {
  folded.inFlight.set(step.address, { step, identity: intent.identity })
  if (!folded.touched.has(step.address) && intent.from) folded.before.set(step.address, intent.from)
  folded.touched.add(step.address)
}

function keep(folded: Folded, step: Step, token: Json): void {
  const flight = folded.inFlight.get(step.address)
  const { address, kind, name, connection } = step
  const identity = flight?.identity ?? step.before?.identity ?? {}
  drop(folded, kept => kept.address === address && sameIdentity(kept.identity, identity))
  folded.kept.push({ address, kind, name, connection, identity, token })
}

function done(folded: Folded, step: Step, record: ResourceRecord | null): void {
  folded.inFlight.delete(step.address)
  folded.touched.add(step.address)
  if (record) folded.records.set(step.address, record)
  else folded.records.delete(step.address)
  const used = step.restore
  if (used && record)
    drop(folded, kept => kept.address === step.address && sameIdentity(kept.identity, used.identity))
  folded.done.push(step)
}

function drop(folded: Folded, matches: (kept: Kept) => boolean): void {
  const index = folded.kept.findIndex(matches)
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
