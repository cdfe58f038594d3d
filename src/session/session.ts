/**
 * One stack, read and connected: what every command works on. It wires the stack reader, the state, the providers, the
 * planner and the apply engine together, and is what `import { openSession } from 'infra'` gives to programs.
 */

import { type BeginAct, journalActs, openActs, settleActs } from '../apply/act-journal.js'
import { type CheckpointList, listCheckpoints } from '../apply/checkpoint.js'
import { type Engine, observeAll, targetsOf } from '../apply/engine.js'
import type { Report } from '../apply/event.js'
import { readJournal } from '../apply/journal.js'
import type { Checkpoint, Kept } from '../apply/record.js'
import { rollbackInput } from '../apply/rollback.js'
import { takeOver } from '../apply/take-over.js'
import { applyPlan, type Control, type Outcome, recover } from '../apply/transaction.js'
import { recordAsDesired } from '../apply/ways.js'
import { writeEdit } from '../apply/write-edit.js'
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { Attributes, Json } from '../model/value.js'
import type { PlanOptions, PlanResult, Restore } from '../planner/input.js'
import type { Plan, PlanMode } from '../planner/plan.js'
import { planStack } from '../planner/plan-stack.js'
import type { PolicyReport } from '../policy/policy.js'
import type { Observation, Provider } from '../providers/provider.js'
import { type DriftReport, driftReport } from '../report/drift/model.js'
import type { DesiredConnection, Stack } from '../stack/desired.js'
import { type LoadInput, type ReadStack, readStack, resolveResource, resolveStack } from '../stack/load.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { lockHeld } from '../state/holder.js'
import { acquireLock, kernelLocker, type Lock } from '../state/lock.js'
import { openStore, type Store } from '../state/store.js'
import { firstState, requireBase } from './base-state.js'
import { type Connected, type ConnectInput, connect, neededConnections, openOne } from './connect.js'
import { type DriftPart, type DriftReading, readDrift } from './drift.js'
import { recordAt } from './edit-state.js'
import { findElsewhere } from './elsewhere.js'
import { documentToImport, requireImportable } from './importable.js'
import { inspectWith } from './inspect.js'
import { requireKnown } from './known-addresses.js'
import { withLacks } from './lacks.js'
import { movedSince } from './moved.js'
import { asRecorded, outputsOf, planFrom } from './plan-from.js'
import { planRestore } from './plan-restore.js'
import { connectionTypes, kinds, providerTypes } from './provider-types.js'
import { checkpointsToPrune, type PruneChoice, pruneCheckpoints } from './prune.js'
import { quietPlanOr } from './quiet-plan.js'
import { type Restorer, restorerAt } from './restore-state.js'
import { driftIgnores, policyReport } from './side-files.js'

export interface SessionInput extends Omit<LoadInput, 'kinds' | 'providerTypes' | 'signal'> {
  readonly ports: Ports
  readonly signal: AbortSignal
  readonly report?: Report
  /** Hears what the session does and how long it took, for a log. */
  readonly log?: (event: string, details?: Readonly<Record<string, Json>>) => void
  readonly parallelism?: number
  /** Where the state is, when not where the stack says. */
  readonly stateFolder?: string
}

export interface LockInput {
  readonly host: string
  readonly pid: number
  readonly command: string
  readonly waitMilliseconds?: number
}

export interface PlanRequest extends Partial<PlanOptions> {
  /** Takes recorded attributes for what is there; nothing is read live. */
  readonly noRefresh?: boolean
}

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
  return new Session(input, read, stateFolder, store, await store.read())
}

/** For `infra state restore`: finds the state's folder without reading the state. */
export async function openRestorer(input: SessionInput): Promise<Restorer> {
  const folder = input.stateFolder ?? (await readStack({ ...input, kinds })).stack.stateFolder
  return restorerAt(input.ports, folder)
}

export class Session {
  readonly stateFolder: string
  readonly store: Store
  readonly #input: SessionInput
  readonly #read: ReadStack
  #state: StateDocument | undefined
  #connected: Promise<Connected> | undefined
  #lock: Lock | undefined

  constructor(
    input: SessionInput,
    read: ReadStack,
    stateFolder: string,
    store: Store,
    state: StateDocument | undefined,
  ) {
    this.#input = input
    this.#read = read
    this.stateFolder = stateFolder
    this.store = store
    this.#state = state
  }

  /** The stack as far as it is known without looking at real systems. */
  get stack(): Stack {
    return this.#read.stack
  }

  /** The state as last read; undefined where there is none yet. */
  get state(): StateDocument | undefined {
    return this.#state
  }

  /** Takes the state's lock until `close`, and reads the state again: what was read before may be old. */
  async lock(input: LockInput): Promise<void> {
    const { ports, signal } = this.#input
    const { waitMilliseconds, ...who } = input
    const holder = { ...who, since: ports.clock.now() }
    const options = { signal, ...(waitMilliseconds !== undefined && { waitMilliseconds }) }
    this.#lock = await acquireLock(ports.files, this.stateFolder, holder, options)
    this.#state = await takeOver(ports.files, this.stateFolder, this.store)
  }

  /** Plans what the stack asks for. Reads the real systems, changes nothing. */
  async plan(request: PlanRequest = {}): Promise<PlanResult> {
    const { noRefresh, ...asked } = request
    const options: PlanOptions = { mode: 'apply', ...asked }
    const records = this.#state?.resources ?? {}
    requireKnown(options, () => new Set([...this.stack.resources.keys(), ...Object.keys(records)]))
    if (noRefresh) return this.#planFrom(asRecorded(records, this.stack), options)
    const result = await this.#planFrom(await this.observe(), options)
    const { providers } = await this.#connect()
    const input = this.#connectInput(this.stack.connections)
    const [checked, elsewhere] = await Promise.all([
      withLacks(result, this.stack, providers, this.#input.signal),
      findElsewhere(result.plan, this.#state, providers, input),
    ])
    return { ...checked, problems: [...checked.problems, ...elsewhere] }
  }

  /** Plans the way back to what was there before the checkpoint's apply. */
  async planRollback(id?: string): Promise<PlanResult> {
    const state = this.#state
    const { checkpoints } = await this.checkpoints()
    const way = rollbackInput(state, checkpoints, id)
    const { connections } = await this.#connect([...way.desired.values()].map(one => one.connection))
    const observed = await this.#observeTargets(new Map(way.desired), way.records)
    return planStack({
      stack: this.stack.name,
      desired: way.desired,
      state: { lineage: way.lineage, serial: way.serial, resources: way.records },
      observed,
      kinds,
      connections,
      outputs: way.outputs,
      restore: way.restore,
      options: { mode: 'rollback' },
    })
  }

  /**
   * Plans other specs for recorded resources, whatever the stack says of them: what an act does goes through plan, journal and
   * read-back, too. Whatever needs a restart for it restarts.
   */
  async planAct(specs: ReadonlyMap<Address, Attributes>): Promise<PlanResult> {
    const records = Object.fromEntries(
      [...specs.keys()].map(address => [address, recordAt(this.#state, address)] as const),
    )
    const desired = new Map(
      Object.values(records).map(
        record => [record.address, recordAsDesired(record, specs.get(record.address))] as const,
      ),
    )
    const { connections } = await this.#connect()
    const state = this.#state
    return planStack({
      stack: this.stack.name,
      desired,
      state: { lineage: state?.lineage ?? '', serial: state?.serial ?? 0, resources: state?.resources ?? {} },
      observed: await this.#observeTargets(desired, records),
      kinds,
      connections,
      outputs: state?.outputs ?? {},
      options: { mode: 'apply', only: new Set(specs.keys()), restart: new Set(specs.keys()) },
    })
  }

  /** Plans to put one recorded resource back to something that its system has of it; what is there is kept. */
  async planRestore(address: Address, restore: Restore): Promise<PlanResult> {
    const state = this.#state
    if (!state) throw noState()
    const { connections } = await this.#connect()
    const observed = await this.#observeTargets(new Map(), { [address]: recordAt(state, address) })
    return planRestore(state, address, restore, observed, connections)
  }

  /** Reads what drifted: recorded resources against what is really there, and what nobody declared. */
  async drift(): Promise<DriftReport> {
    return this.driftReport(await this.readDrift())
  }

  /** What `drift` reads, to be told of with `driftReport`; with `part`, no more than that is read. */
  async readDrift(part?: DriftPart): Promise<DriftReading> {
    const { ports, signal } = this.#input
    const began = ports.clock.now()
    const { providers, connections } = await this.#connect()
    const records = Object.values(this.#state?.resources ?? {})
    const read = await readDrift(records, providers, kinds, signal, part)
    const at = ports.clock.now()
    return { ...read, base: this.driftBase, connections, at, milliseconds: at - began }
  }

  /** The state that drift is told against. */
  get driftBase(): DriftReport['base'] {
    return { lineage: this.#state?.lineage ?? '', serial: this.#state?.serial ?? 0 }
  }

  /** A reading as a report, with the ignores and their end dates as they are now. */
  async driftReport(reading: DriftReading): Promise<DriftReport> {
    const { folder, name: stack, secrets } = this.stack
    return driftReport({ ...reading, stack, ignores: await driftIgnores(folder), secrets })
  }

  /** What the policy beside the stack says of a plan; undefined where there is none. */
  policy(plan: Plan): Promise<PolicyReport | undefined> {
    return policyReport(this.stack.folder, plan, this.#input.ports.clock.now())
  }

  /** Observes all that the stack declares and the state records. */
  async observe(): Promise<Map<Address, Observation>> {
    return this.#observeTargets(this.stack.resources, this.#state?.resources ?? {})
  }

  /** Applies a plan that was approved. `recheck` reads everything again first, and refuses what moved since. */
  async apply(plan: Plan, command: string, control: Control, recheck: boolean): Promise<Outcome> {
    requireBase(plan, this.#state)
    const state = this.#state ?? (await firstState(this.stack.name, this.store, this.#input.ports.random))
    this.#state = state
    const engine = await this.#engine()
    if (recheck) movedSince(plan, await this.#observeTargets(this.stack.resources, state.resources))
    return this.#outcome(await applyPlan(engine, plan, state, command, control))
  }

  /** Settles an apply that was cut off. Undefined where none is open. */
  async recover(
    direction: 'forward' | 'back',
    control: Control,
    approve: (plan: Plan) => Promise<boolean>,
  ): Promise<Outcome | undefined> {
    if (!this.#state) return undefined
    const open = await this.openJournal()
    const [act] = openActs(open?.records ?? [])
    if (act) throw actCutOff(act.address)
    // What was cut off may be about what neither stack nor state tells of any more.
    const plans = open?.records.flatMap(record => (record.type === 'plan' ? [record.plan] : [])) ?? []
    await this.#connect(plans.flatMap(plan => plan.steps.map(step => step.connection)))
    const outcome = await recover(await this.#engine(), this.#state, direction, control, approve)
    return outcome && this.#outcome(outcome)
  }

  /** Does acts beside any plan, each journaled before it begins, on what is recorded or not. Needs the lock. */
  act<T>(command: string, work: (begin: BeginAct) => Promise<T>): Promise<T> {
    const { ports } = this.#input
    const base = this.#state ?? { lineage: '', serial: 0 }
    return journalActs({ ports, stateFolder: this.stateFolder, base, command }, work)
  }

  /** Settles acts that were cut off; `ended` is told the number of each that is. The journal goes after the last. Needs the lock. */
  settleActs<T>(work: (ended: (act: number) => void) => Promise<T>): Promise<T> {
    return settleActs({ ports: this.#input.ports, stateFolder: this.stateFolder }, work)
  }

  /** The journal of an apply that was cut off, if there is one. */
  openJournal() {
    return readJournal(this.#input.ports.files, this.stateFolder)
  }

  /** The error of an apply that is running now, by the lock that it holds; undefined where none is, or this session holds it. */
  async runningApply(): Promise<InfraError | undefined> {
    if (this.#lock) return undefined
    const { held, note } = await kernelLocker(this.#input.ports.files, this.stateFolder).status()
    return held ? lockHeld(note) : undefined
  }

  checkpoints(): Promise<CheckpointList> {
    return listCheckpoints(this.#input.ports.files, this.stateFolder)
  }

  /**
   * Destroys what the chosen checkpoints kept, and removes them. `tell` hears of each what will be destroyed, and says
   * whether to go ahead.
   */
  async prune(
    choice: PruneChoice,
    tell: (checkpoints: readonly Checkpoint[]) => Promise<boolean>,
  ): Promise<boolean> {
    const { checkpoints } = await this.checkpoints()
    const chosen = checkpointsToPrune(checkpoints, choice)
    if (!(await tell(chosen))) return false
    const used = chosen.flatMap(checkpoint => checkpoint.kept.map(kept => kept.connection))
    const { providers } = await this.#connect(used)
    const { ports, signal } = this.#input
    await pruneCheckpoints(chosen, providers, ports.files, this.stateFolder, signal)
    return true
  }

  /** Writes an edit of the state, with a checkpoint that undoes it. Needs the lock. */
  async editState(command: string, edit: (state: StateDocument) => StateDocument): Promise<void> {
    const state = this.#state
    if (!state) throw noState()
    this.#state = await writeEdit(
      this.#input.ports,
      this.stateFolder,
      this.store,
      state,
      edit(state),
      command,
    )
  }

  /**
   * Remembers, durably, what an act on something unrecorded is about to put aside, for `prune`. Needs the lock. To be awaited
   * before the act destroys anything.
   */
  async keepAside(command: string, summary: string, kept: readonly Kept[]): Promise<void> {
    const { ports } = this.#input
    const state = this.#state ?? (await firstState(this.stack.name, this.store, ports.random))
    const act = { summary, kept }
    this.#state = await writeEdit(ports, this.stateFolder, this.store, state, state, command, act)
  }

  /**
   * Plans to take an existing object over as the resource of this address. `name` is the object's own in the system below.
   */
  async planImport(address: Address, name: string): Promise<PlanResult> {
    const desired = documentToImport(this.stack, address)
    const { kind, connection, spec } = desired
    const { providers } = await this.#connect()
    const aimed = [{ connection, target: { address, kind, name, spec } }]
    const found = (await observeAll({ providers }, aimed, this.#input.signal)).get(address)
    requireImportable(desired, name, found)
    const observed = new Map(await this.observe())
    if (found) observed.set(address, found)
    return this.#planFrom(observed, { mode: 'apply', only: new Set([address]), adopt: [address] })
  }

  /** The connections that the stack and its state use; nothing is opened. */
  neededConnections(): readonly DesiredConnection[] {
    return neededConnections(this.stack, this.#state, [])
  }

  /** One connection more, of its own: fails where it cannot be opened, and is the caller's to close. */
  openConnection(wanted: DesiredConnection): Promise<Provider> {
    return openOne(wanted, this.#connectInput([wanted]))
  }

  /** The connections, opened. */
  connections(): Promise<Connected> {
    return this.#connect()
  }

  async close(): Promise<void> {
    // what could not be connected has been told, and is not there to be closed
    const connected = await this.#connected?.catch(() => undefined)
    await Promise.all([...(connected?.providers.values() ?? [])].map(provider => provider.close()))
    await this.#lock?.release()
  }

  #outcome(outcome: Outcome): Outcome {
    this.#state = outcome.state
    return outcome
  }

  async #planFrom(observed: ReadonlyMap<Address, Observation>, options: PlanOptions): Promise<PlanResult> {
    const { connections } = await this.#connect()
    const [read, state] = [this.#read, this.#state]
    const inputs = {
      folder: this.#input.cacheFolder,
      stack: read.kept,
      state,
      observed,
      connections,
      options,
    }
    return quietPlanOr(inputs, () => planFrom(read, state, observed, connections, options))
  }

  /** Opens the connections that the stack, the state and the caller use, once. */
  #connect(more: readonly string[] = []): Promise<Connected> {
    this.#connected ??= connect(this.#connectInput(neededConnections(this.stack, this.#state, more)))
    return this.#connected
  }

  #connectInput(connections: readonly DesiredConnection[]): ConnectInput {
    const { ports, signal } = this.#input
    const types = providerTypes(this.#input.environment ?? {})
    return { connections, types, folder: this.stack.folder, stateFolder: this.stateFolder, ports, signal }
  }

  async #observeTargets(desired: Stack['resources'], records: Readonly<Record<Address, ResourceRecord>>) {
    const { ports, signal, log } = this.#input
    const { providers, connections } = await this.#connect()
    log?.('connected', { connections: Object.values(connections).map(one => one.description) })
    const began = ports.clock.now()
    const observed = await observeAll({ providers }, targetsOf(desired, records), signal)
    log?.('observed', { resources: observed.size, milliseconds: ports.clock.now() - began })
    return observed
  }

  async #engine(): Promise<Engine> {
    const { ports, report, parallelism } = this.#input
    const { providers, connections } = await this.#connect()
    return {
      stack: this.stack.name,
      ports,
      kinds,
      providers,
      connections,
      store: this.store,
      stateFolder: this.stateFolder,
      resolve: (desired, factsOf, secrets) => {
        const kind = kinds.get(desired.kind)
        return kind ? resolveResource(desired, factsOf, kind, name => kinds.get(name), secrets) : desired
      },
      outputs: (mode, records) => this.#outputsAfter(mode, records),
      report: report ?? (() => undefined),
      ...(parallelism !== undefined && { parallelism }),
    }
  }

  #outputsAfter(
    mode: PlanMode,
    records: Readonly<Record<Address, ResourceRecord>>,
  ): StateDocument['outputs'] {
    // A part that was destroyed leaves the outputs as they were; a stack without resources has none.
    if (mode === 'destroy' && Object.keys(records).length === 0) return {}
    if (mode !== 'apply') return this.#state?.outputs ?? {}
    return outputsOf(resolveStack(this.#read, address => records[address]))
  }
}

function actCutOff(address: Address): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'act-open',
    address,
    message: 'what was cut off is no apply, and there is no plan to go on with',
    hint: '`infra recover` settles it.',
  })
}

function noState(): InfraError {
  return new InfraError({
    kind: 'validation',
    code: 'no-state',
    message: 'the stack has no state yet',
    hint: '`infra apply` makes the first one.',
  })
}
