/** One apply as a transaction: it completes, or it puts everything back, or it says exactly what is open. */

import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Planned } from '../planner/input.js'
import type { Plan, Step } from '../planner/plan.js'
import { planStack } from '../planner/plan-stack.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { changedRecords, fold } from '../state/fold.js'
import { takeOutRestored, writeCheckpoint } from './checkpoint.js'
import { discardOwn, type Ended, finalRecords, summaryOf } from './ending.js'
import type { Engine } from './engine.js'
import { type ExecuteResult, execute, type StepFailure } from './execute.js'
import { restoredTokens } from './finish-written.js'
import { type Folded, foldJournal } from './fold.js'
import { type Journal, openJournal, resumeJournal } from './journal.js'
import type { Checkpoint, JournalRecord } from './record.js'
import { observeTouched } from './touched.js'
import { wayBack, wayForward } from './ways.js'

export type OnFailure = (failures: readonly StepFailure[]) => Promise<'retry' | 'rollback' | 'stop'>

export interface Control {
  /** Aborted: no new steps, running ones end, then `onFailure` decides. */
  readonly stopping: AbortSignal
  /** Aborted: out at once; the journal stays open. */
  readonly signal: AbortSignal
  readonly onFailure: OnFailure
}

export interface Outcome {
  /** `open`: neither forward nor back was reached; the journal stays, and `recover` goes on with it. */
  readonly result: 'applied' | 'rolled-back' | 'stopped' | 'open'
  readonly state: StateDocument
  readonly failures: readonly StepFailure[]
  /** Changes that could not be undone, in words. */
  readonly left: readonly { readonly address: Address; readonly text: string }[]
  readonly done: number
  readonly checkpoint?: Checkpoint
}

/** Applies an approved plan to the state that it was made from. Fails before it changes anything if a journal is open. */
export async function applyPlan(
  engine: Engine,
  { plan, observed }: Planned,
  base: StateDocument,
  command: string,
  control: Control,
): Promise<Outcome> {
  const { ports, stateFolder } = engine
  const journal = await openJournal(ports.files, stateFolder)
  const written: JournalRecord[] = [
    {
      type: 'open',
      format: 1,
      id: ports.random.uuid(),
      at: ports.clock.now(),
      command,
      lineage: base.lineage,
      serial: base.serial,
    },
    { type: 'plan', direction: 'forward', plan },
  ]
  const transaction = new Transaction(engine, base, journal, written)
  return transaction.settled(async () => {
    await journal.appendDurably(written)
    const way: Way = { direction: 'forward', plan, observed, records: base.resources, gone: [] }
    return transaction.run(way, control)
  })
}

/** Goes on with an apply that was cut off, if its way is approved: forward to its end, or back to its beginning. Undefined where none is open. */
export async function recover(
  engine: Engine,
  base: StateDocument,
  direction: 'forward' | 'back',
  control: Control,
  approve: (plan: Plan) => Promise<boolean>,
): Promise<Outcome | undefined> {
  const resumed = await resumeJournal(engine.ports.files, engine.stateFolder)
  if (!resumed) return undefined
  const [open] = resumed.contents.records
  if (open?.type !== 'open' || open.lineage !== base.lineage || open.serial !== base.serial) {
    await resumed.journal.close()
    throw otherState(base)
  }
  const { journal } = resumed
  const transaction = new Transaction(engine, base, journal, [...resumed.contents.records])
  return transaction.settled(async () => {
    const way = await transaction.findWay(direction, control.signal)
    if (!(await approve(way.plan))) return transaction.leaveOpen([])
    await transaction.begin(way)
    return transaction.run(way, control)
  })
}

/** A plan on its way, with the records that it was made from. */
interface Way extends Planned {
  readonly direction: 'forward' | 'back'
  readonly records: Readonly<Record<Address, ResourceRecord>>
  /** Deletes of the plan before that turned out to be done. */
  readonly gone: readonly Step[]
}

class Transaction {
  readonly #engine: Engine
  readonly #base: StateDocument
  readonly #journal: Journal
  /** All records of the journal, as they are in the file. */
  readonly #written: JournalRecord[]

  constructor(engine: Engine, base: StateDocument, journal: Journal, written: JournalRecord[]) {
    this.#engine = engine
    this.#base = base
    this.#journal = journal
    this.#written = written
  }

  /** Runs the work; where it throws, the journal is closed and stays for `recover`. */
  async settled(work: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await work()
    } catch (error) {
      await this.#journal.close()
      throw error
    }
  }

  /** Runs plans until one of them is through, or nothing more can be done. */
  async run(first: Way, control: Control): Promise<Outcome> {
    const failures: StepFailure[] = []
    for (let way = first; ; ) {
      const result = await this.#execute(way, control)
      failures.push(...result.failures)
      if (control.signal.aborted) return this.leaveOpen(failures)
      const back = way.direction === 'back'
      const through = result.failures.length === 0 && result.skipped.length === 0
      if (through) return this.#finish(back ? 'rolled-back' : 'applied', failures, way.plan, control)
      if (back) return this.leaveOpen(failures)
      const choice = await control.onFailure(result.failures)
      if (choice === 'stop') return this.#finish('stopped', failures, way.plan, control)
      way = await this.findWay(choice === 'rollback' ? 'back' : 'forward', control.signal)
      await this.begin(way)
    }
  }

  /** Journals a way as what is done next, and before it what was found done. */
  async begin({ direction, plan, gone }: Way): Promise<void> {
    const records: JournalRecord[] = [
      ...gone.map(step => ({ type: 'done', step: step.id, record: null, milliseconds: 0 }) as const),
      { type: 'plan', direction, plan },
    ]
    await this.#journal.appendDurably(records)
    this.#written.push(...records)
  }

  /** The way back or forward from here, by what is really there. */
  async findWay(direction: 'forward' | 'back', signal: AbortSignal): Promise<Way> {
    const engine = this.#engine
    const folded = this.#folded()
    const observed = await observeTouched(engine, this.#base, folded, signal)
    const find = direction === 'back' ? wayBack : wayForward
    const way = find(folded, this.#base.resources, observed)
    const { plan, problems } = planStack({
      stack: engine.stack,
      desired: way.desired,
      state: { lineage: this.#base.lineage, serial: this.#base.serial, resources: way.records },
      observed: way.observed,
      kinds: engine.kinds,
      connections: engine.connections,
      outputs: folded.plan.outputs,
      ...(way.restore && { restore: way.restore }),
      options: way.options,
    })
    if (problems.length > 0 || plan.incomplete) throw blocked(direction, problems, plan)
    return { direction, plan, observed: way.observed, records: way.records, gone: way.gone }
  }

  #id(): string {
    const [open] = this.#written
    return open?.type === 'open' ? open.id : ''
  }

  #folded(): Folded {
    return foldJournal(this.#base.resources, this.#written)
  }

  async #execute({ direction, plan, observed, records }: Way, control: Control): Promise<ExecuteResult> {
    const { providers, kinds, resolve, ports, report, parallelism } = this.#engine
    const journal = {
      appendDurably: (added: readonly JournalRecord[]) => {
        this.#written.push(...added)
        return this.#journal.appendDurably(added)
      },
      appendSoon: (added: JournalRecord) => {
        this.#written.push(added)
        this.#journal.appendSoon(added)
      },
    }
    return execute({
      plan,
      observed,
      direction,
      applyId: this.#id(),
      lineage: this.#base.lineage,
      providers,
      kinds,
      journal,
      records: new Map(Object.entries(records)),
      resolve,
      ports,
      ...(parallelism !== undefined && { parallelism }),
      // On the way back nothing is stopped half-way but by force.
      stopping: direction === 'back' ? control.signal : control.stopping,
      signal: control.signal,
      report,
    })
  }

  /** Ends here; `recover` goes on later. */
  async leaveOpen(failures: readonly StepFailure[]): Promise<Outcome> {
    await this.#journal.close()
    return { result: 'open', state: this.#base, failures, left: [], done: this.#folded().done.length }
  }

  /** Checkpoint, state, then the journal goes: after a crash between any two of them, the rest is done again. */
  async #finish(
    result: Ended,
    failures: readonly StepFailure[],
    plan: Plan,
    control: Control,
  ): Promise<Outcome> {
    const { ports, stateFolder, store } = this.#engine
    const folded = this.#folded()
    const records = await finalRecords(this.#engine, this.#base, result, folded, control.signal)
    const left =
      result === 'rolled-back' ? plan.remarks.filter(remark => folded.touched.has(remark.address)) : []
    const serial = this.#base.serial + 1
    const outcomes = changedRecords(this.#base.resources, records)
    const outputs =
      result === 'applied' ? this.#engine.outputs(folded.plan.mode, records) : this.#base.outputs
    const { document, back } = fold(this.#base, outcomes, { serial, outputs })
    const kept = await discardOwn(this.#engine, this.#base, folded, control.signal)
    const checkpoint: Checkpoint = {
      format: 1,
      id: folded.id,
      lineage: this.#base.lineage,
      before: this.#base.serial,
      after: serial,
      at: folded.at,
      command: folded.command,
      summary: summaryOf(folded, result),
      back,
      kept,
      ...(left.length > 0 && { left }),
    }
    await this.#journal.releaseReserve()
    await writeCheckpoint(ports.files, stateFolder, checkpoint)
    await store.write(document)
    const used = restoredTokens(folded)
    if (used.length > 0) await takeOutRestored(ports.files, stateFolder, used)
    await this.#journal.remove()
    return { result, state: document, failures, left, done: folded.done.length, checkpoint }
  }
}

function otherState(base: StateDocument): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'journal-of-another-state',
    message: 'the journal of an unfinished apply does not belong to the state that is there',
    why: `the state is of serial ${base.serial}, and the apply started from another one`,
    hint: 'Was one of the two files put back from a backup? Put its other half back, too.',
  })
}

function blocked(direction: 'forward' | 'back', problems: readonly InfraError[], plan: Plan): InfraError {
  const first = problems[0]
  const unreadable = plan.unreadable.map(one => `${one.address}: ${one.why}`)
  return new InfraError({
    kind: first?.kind ?? 'connection',
    code: 'way-blocked',
    message: `the way ${direction} cannot be planned yet, and the journal stays open`,
    why: first ? `${first.address ?? ''} ${first.message}`.trim() : `not readable: ${unreadable.join('; ')}`,
    hint: first
      ? 'See to what is in the way, then run `infra recover` again.'
      : 'When the system answers again, run `infra recover`.',
  })
}
