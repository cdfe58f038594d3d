/**
 * One stack, read and connected: what every command works on, and what `import { openSession } from 'infra'` gives to programs.
 * The parts are beside it: plans.ts plans, applies.ts does and settles, keeping.ts edits the state and prunes, drift.ts looks,
 * core.ts is what they share.
 */
import { type BeginAct, journalActs, settleActs } from '../apply/act-journal.js'
import { type CheckpointList, listCheckpoints } from '../apply/checkpoint.js'
import { readJournal } from '../apply/journal.js'
import type { Checkpoint, Kept } from '../apply/record.js'
import type { Control, Outcome } from '../apply/transaction.js'
import type { Address } from '../model/address.js'
import type { InfraError } from '../model/error.js'
import type { Attributes } from '../model/value.js'
import type { Planned, PlanResult, Restore } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import type { PolicyReport } from '../policy/policy.js'
import type { Observation, Provider } from '../providers/provider.js'
import { type DriftReport, driftReport } from '../report/drift/model.js'
import type { DesiredConnection, Stack } from '../stack/desired.js'
import { readStack } from '../stack/load.js'
import type { StateDocument } from '../state/document.js'
import { lockHeld } from '../state/holder.js'
import { kernelLocker } from '../state/lock.js'
import { openStore, type Store } from '../state/store.js'
import { applyApproved, recoverOpen } from './applies.js'
import { type Connected, neededConnections } from './connect.js'
import { type LockInput, SessionCore, type SessionInput } from './core.js'
import { type DriftPart, type DriftReading, readDrift } from './drift.js'
import { inspectWith } from './inspect.js'
import { editStateOf, keepAsideOf, pruneChosen } from './keeping.js'
import { type PlanRequest, planActOf, planImportOf, planOf, planRestoreOf, planRollbackOf } from './plans.js'
import { connectionTypes, kinds } from './provider-types.js'
import type { PruneChoice } from './prune.js'
import { type Restorer, restorerAt } from './restore-state.js'
import { driftIgnores, policyReport } from './side-files.js'

export type { LockInput, SessionInput } from './core.js'
export type { PlanRequest } from './plans.js'

/** Opens a stack: reads and checks it and its state. Nothing is connected to before it is needed, and nothing is changed. */
export async function openSession(input: SessionInput): Promise<Session> {
  const began = input.ports.clock.now()
  const inspect = inspectWith(input.environment ?? {})
  const read = await readStack({ inspect, ...input, kinds, providerTypes: connectionTypes })
  input.log?.('stack-read', {
    stack: read.stack.name,
    resources: read.stack.resources.size,
    milliseconds: input.ports.clock.now() - began,
  })
  const stateFolder = input.stateFolder ?? read.stack.stateFolder
  const store = openStore(input.ports.files, stateFolder)
  return new Session(new SessionCore(input, read, stateFolder, store, await store.read()))
}

/** For `infra state restore`: finds the state's folder without reading the state. */
export async function openRestorer(input: SessionInput): Promise<Restorer> {
  const folder = input.stateFolder ?? (await readStack({ ...input, kinds })).stack.stateFolder
  return restorerAt(input.ports, folder)
}

export class Session {
  readonly stateFolder: string
  readonly store: Store
  readonly #core: SessionCore

  constructor(core: SessionCore) {
    this.#core = core
    this.stateFolder = core.stateFolder
    this.store = core.store
  }

  /** The stack as far as it is known without looking at real systems. */
  get stack(): Stack {
    return this.#core.stack
  }

  /** The state as last read; undefined where there is none yet. */
  get state(): StateDocument | undefined {
    return this.#core.state
  }

  /** Takes the state's lock until `close`, and reads the state again: what was read before may be old. */
  lock(input: LockInput): Promise<void> {
    return this.#core.lock(input)
  }

  /** Plans what the stack asks for. Reads the real systems, changes nothing. */
  plan(request: PlanRequest = {}): Promise<PlanResult> {
    return planOf(this.#core, request)
  }

  /** Plans the way back to what was there before the checkpoint's apply. */
  planRollback(id?: string): Promise<PlanResult> {
    return planRollbackOf(this.#core, id)
  }

  /**
   * Plans other specs for recorded resources, whatever the stack says of them: what an act does goes through plan, journal and
   * read-back, too. Whatever needs a restart for it restarts.
   */
  planAct(specs: ReadonlyMap<Address, Attributes>): Promise<PlanResult> {
    return planActOf(this.#core, specs)
  }

  /** Plans to put one recorded resource back to something that its system has of it; what is there is kept. */
  planRestore(address: Address, restore: Restore): Promise<PlanResult> {
    return planRestoreOf(this.#core, address, restore)
  }

  /**
   * Plans to take an existing object over as the resource of this address. `name` is the object's own in the system below.
   */
  planImport(address: Address, name: string): Promise<PlanResult> {
    return planImportOf(this.#core, address, name)
  }

  /** Reads what drifted: recorded resources against what is really there, and what nobody declared. */
  async drift(): Promise<DriftReport> {
    return this.driftReport(await this.readDrift())
  }

  /** What `drift` reads, to be told of with `driftReport`; with `part`, no more than that is read. */
  async readDrift(part?: DriftPart): Promise<DriftReading> {
    const { ports, signal } = this.#core.input
    const began = ports.clock.now()
    const { providers, connections } = await this.#core.connect()
    const records = Object.values(this.state?.resources ?? {})
    const read = await readDrift(records, providers, kinds, signal, part)
    const at = ports.clock.now()
    return { ...read, base: this.driftBase, connections, at, milliseconds: at - began }
  }

  /** The state that drift is told against. */
  get driftBase(): DriftReport['base'] {
    return { lineage: this.state?.lineage ?? '', serial: this.state?.serial ?? 0 }
  }

  /** A reading as a report, with the ignores and their end dates as they are now. */
  async driftReport(reading: DriftReading): Promise<DriftReport> {
    const { name: stack, secrets } = this.stack
    return driftReport({ ...reading, stack, ignores: await driftIgnores(this.stack), secrets })
  }

  /** What the policy beside the stack says of a plan; undefined where there is none. */
  policy(plan: Plan): Promise<PolicyReport | undefined> {
    return policyReport(this.stack, plan, this.#core.input.ports.clock.now())
  }

  /** Observes all that the stack declares and the state records. */
  observe(): Promise<Map<Address, Observation>> {
    return this.#core.observe()
  }

  /** Applies a plan that was approved. `recheck` reads everything again first, and refuses what moved since. */
  apply(planned: Planned, command: string, control: Control, recheck: boolean): Promise<Outcome> {
    return applyApproved(this.#core, planned, command, control, recheck)
  }

  /** Settles an apply that was cut off. Undefined where none is open. */
  recover(
    direction: 'forward' | 'back',
    control: Control,
    approve: (plan: Plan) => Promise<boolean>,
  ): Promise<Outcome | undefined> {
    return recoverOpen(this.#core, direction, control, approve)
  }

  /** Does acts beside any plan, each journaled before it begins, on what is recorded or not. Needs the lock. */
  act<T>(command: string, work: (begin: BeginAct) => Promise<T>): Promise<T> {
    const { ports } = this.#core.input
    const base = this.state ?? { lineage: '', serial: 0 }
    return journalActs({ ports, stateFolder: this.stateFolder, base, command }, work)
  }

  /** Settles acts that were cut off; `ended` is told the number of each that is. The journal goes after the last. Needs the lock. */
  settleActs<T>(work: (ended: (act: number) => void) => Promise<T>): Promise<T> {
    return settleActs({ ports: this.#core.input.ports, stateFolder: this.stateFolder }, work)
  }

  /** The journal of an apply that was cut off, if there is one. */
  openJournal() {
    return readJournal(this.#core.input.ports.files, this.stateFolder)
  }

  /** The error of an apply that is running now, by the lock that it holds; undefined where none is, or this session holds it. */
  async runningApply(): Promise<InfraError | undefined> {
    if (this.#core.isLocked) return undefined
    const { held, note } = await kernelLocker(this.#core.input.ports.files, this.stateFolder).status()
    return held ? lockHeld(note) : undefined
  }

  checkpoints(): Promise<CheckpointList> {
    return listCheckpoints(this.#core.input.ports.files, this.stateFolder)
  }

  /**
   * Destroys what the chosen checkpoints kept, and removes them. `tell` hears of each what will be destroyed, and says
   * whether to go ahead.
   */
  prune(
    choice: PruneChoice,
    tell: (checkpoints: readonly Checkpoint[]) => Promise<boolean>,
  ): Promise<boolean> {
    return pruneChosen(this.#core, choice, tell)
  }

  /** Writes an edit of the state, with a checkpoint that undoes it. Needs the lock. */
  editState(command: string, edit: (state: StateDocument) => StateDocument): Promise<void> {
    return editStateOf(this.#core, command, edit)
  }

  /**
   * Remembers, durably, what an act on something unrecorded is about to put aside, for `prune`. Needs the lock. To be awaited
   * before the act destroys anything.
   */
  keepAside(command: string, summary: string, kept: readonly Kept[]): Promise<void> {
    return keepAsideOf(this.#core, command, summary, kept)
  }

  /** The connections that the stack and its state use; nothing is opened. */
  neededConnections(): readonly DesiredConnection[] {
    return neededConnections(this.stack, this.state, [])
  }

  /** One connection more, of its own: fails where it cannot be opened, and is the caller's to close. */
  openConnection(wanted: DesiredConnection): Promise<Provider> {
    return this.#core.openConnection(wanted)
  }

  /** The connections, opened. */
  connections(): Promise<Connected> {
    return this.#core.connect()
  }

  close(): Promise<void> {
    return this.#core.close()
  }
}
