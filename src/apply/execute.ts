/** Runs a plan's steps over its graph: bounded parallelism, a durable intent before each call, proof after it. */

import type { Address } from '../model/address.js'
import { type ErrorDetails, InfraError, messageOf } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import { type Attributes, holdsSecret } from '../model/value.js'
import type { Planned } from '../planner/input.js'
import type { Step } from '../planner/plan.js'
import type { Kind } from '../providers/kind.js'
import type { Provider } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'
import { aimAt } from './engine.js'
import type { Report } from './event.js'
import { putIn, takeOut } from './fold.js'
import { batchedObserver, type Observe } from './observer.js'
import { perform } from './perform.js'
import type { JournalRecord } from './record.js'

/** What the executor needs of a journal. */
export interface JournalWriter {
  /** Returns once the records would survive a loss of power. */
  appendDurably(records: readonly JournalRecord[]): Promise<void>
  /** Keeps the record's place; it becomes durable with the next durable one. */
  appendSoon(record: JournalRecord): void
}

export interface ExecuteInput extends Planned {
  readonly direction: 'forward' | 'back'
  readonly applyId: string
  /** Of the state that owns what is made. */
  readonly lineage: string
  readonly providers: ReadonlyMap<string, Provider>
  readonly kinds: ReadonlyMap<string, Kind>
  readonly journal: JournalWriter
  /** What is recorded; steps that are done are put into it. */
  readonly records: Map<Address, ResourceRecord>
  readonly resolve: (
    desired: DesiredResource,
    factsOf: (
      address: Address,
    ) => { spec: ResourceRecord['spec']; facts: ResourceRecord['facts'] } | undefined,
    secrets: 'resolved' | 'kept',
  ) => DesiredResource
  readonly ports: Ports
  /** At most so many changes at once in all; each connection has its own bound beside it. */
  readonly parallelism?: number
  /** Aborted: no new steps; running ones end. */
  readonly stopping: AbortSignal
  /** Aborted: out at once; running calls are given up and their steps are unknown. */
  readonly signal: AbortSignal
  readonly report: Report
}

export interface StepFailure {
  readonly step: Step
  readonly error: InfraError
}

export interface ExecuteResult {
  readonly done: number
  readonly failures: readonly StepFailure[]
  /** Steps that were not started, because one before them failed or the apply was stopped. */
  readonly skipped: readonly Step[]
}

/** Runs all steps that can be run. Never throws for a failing step; it throws when the journal cannot be written. */
export async function execute(input: ExecuteInput): Promise<ExecuteResult> {
  const { plan, ports } = input
  const began = ports.clock.now()
  input.report({
    type: 'plan-started',
    mode: plan.mode,
    direction: input.direction,
    total: plan.steps.length,
  })
  const run = new Run(input)
  await run.all()
  const skipped = plan.steps.filter(step => !run.started.has(step.id))
  input.report({
    type: 'plan-finished',
    direction: input.direction,
    done: run.done,
    failed: run.failures.length,
    skipped: skipped.length,
    milliseconds: ports.clock.now() - began,
  })
  return { done: run.done, failures: run.failures, skipped }
}

/** The state of one execution. A class because scheduling is mutual: an ending step starts others. */
class Run {
  readonly failures: StepFailure[] = []
  readonly started = new Set<string>()
  done = 0
  readonly #input: ExecuteInput
  readonly #byId: ReadonlyMap<string, Step>
  readonly #waiting = new Map<string, number>()
  readonly #dependents = new Map<string, string[]>()
  /** Steps that became free to run, by connection, and how many of them were started. */
  readonly #ready = new Map<string, { readonly steps: Step[]; next: number }>()
  readonly #running = new Map<string, number>()
  readonly #observers = new Map<string, Observe>()
  /** Facts with secrets among them, of what steps refer to. */
  readonly #facts = new Map<Address, Attributes>()
  #active = 0
  #fatal: unknown
  #finish: () => void = () => undefined

  constructor(input: ExecuteInput) {
    this.#input = input
    this.#byId = new Map(input.plan.steps.map(step => [step.id, step]))
    for (const step of input.plan.steps) {
      const needs = step.needs.filter(id => this.#byId.has(id))
      this.#waiting.set(step.id, needs.length)
      for (const id of needs) {
        const list = this.#dependents.get(id)
        if (list) list.push(step.id)
        else this.#dependents.set(id, [step.id])
      }
      if (needs.length === 0) this.#enqueue(step)
    }
  }

  async all(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#finish = resolve
      this.#schedule()
    })
    if (this.#fatal !== undefined) throw this.#fatal
  }

  #enqueue(step: Step): void {
    const queue = this.#ready.get(step.connection)
    if (queue) queue.steps.push(step)
    else this.#ready.set(step.connection, { steps: [step], next: 0 })
  }

  #schedule(): void {
    const { stopping, signal, parallelism = Number.POSITIVE_INFINITY, providers } = this.#input
    const open = () =>
      !stopping.aborted && !signal.aborted && this.failures.length === 0 && this.#fatal === undefined
    for (const [connection, queue] of this.#ready) {
      const limit = providers.get(connection)?.parallelism ?? 1
      let running = this.#running.get(connection) ?? 0
      while (open() && queue.next < queue.steps.length && running < limit && this.#active < parallelism) {
        const step = queue.steps[queue.next]
        queue.next += 1
        if (!step) continue
        running += 1
        this.#active += 1
        this.#running.set(connection, running)
        this.started.add(step.id)
        void this.#one(step)
      }
    }
    if (this.#active === 0) this.#finish()
  }

  async #one(step: Step): Promise<void> {
    const { ports, report, journal } = this.#input
    const began = ports.clock.now()
    const { id, address, action } = step
    report({ type: 'step-started', step: id, address, action })
    try {
      const record = await this.#perform(step)
      const milliseconds = ports.clock.now() - began
      journal.appendSoon({ type: 'done', step: id, record, milliseconds })
      if (record) putIn(this.#input.records, step, record)
      else takeOut(this.#input.records, step)
      this.done += 1
      report({ type: 'step-done', step: id, address, action, milliseconds })
      this.#release(id)
    } catch (thrown) {
      const error = asInfraError(thrown, step, this.#input.signal)
      const details: ErrorDetails = error.details()
      this.failures.push({ step, error })
      try {
        await journal.appendDurably([{ type: 'failed', step: id, error: details }])
      } catch (fatal) {
        this.#fatal ??= fatal
      }
      report({
        type: 'step-failed',
        step: id,
        address,
        action,
        milliseconds: ports.clock.now() - began,
        error: details,
      })
    }
    this.#active -= 1
    this.#running.set(step.connection, (this.#running.get(step.connection) ?? 1) - 1)
    this.#schedule()
  }

  #release(id: string): void {
    for (const dependent of this.#dependents.get(id) ?? []) {
      const left = (this.#waiting.get(dependent) ?? 1) - 1
      this.#waiting.set(dependent, left)
      const step = left === 0 ? this.#byId.get(dependent) : undefined
      if (step) this.#enqueue(step)
    }
  }

  #observer(connection: string, provider: Provider): Observe {
    let observe = this.#observers.get(connection)
    if (!observe) {
      observe = batchedObserver(provider, this.#input.signal)
      this.#observers.set(connection, observe)
    }
    return observe
  }

  /** Secrets of other resources are recorded nowhere: they are read when a step needs them, and kept in memory alone. */
  async #readSecrets({ desired }: Step): Promise<void> {
    const { records, providers } = this.#input
    if (!desired || !holdsSecret(desired.spec)) return
    await Promise.all(
      desired.dependencies.map(async address => {
        const record = records.get(address)
        const provider = record && providers.get(record.connection)
        if (!record || !provider) return
        const seen = await this.#observer(record.connection, provider)(aimAt(record).target)
        if (seen.status === 'present') this.#facts.set(address, seen.facts)
      }),
    )
  }

  #resolve(desired: DesiredResource, secrets: 'resolved' | 'kept'): DesiredResource {
    const { resolve, records } = this.#input
    const factsOf = (address: Address) => {
      const record = records.get(address)
      const facts = this.#facts.get(address)
      return record && facts ? { ...record, facts: { ...record.facts, ...facts } } : record
    }
    return resolve(desired, factsOf, secrets)
  }

  async #perform(step: Step): Promise<ResourceRecord | null> {
    const { observed, providers, kinds, journal, records, ports, signal, report, applyId, lineage } =
      this.#input
    const provider = providers.get(step.connection)
    const kind = kinds.get(step.kind)
    if (!provider || !kind) {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-connection',
        address: step.address,
        message: `the stack has no connection ${step.connection}, which the recorded ${step.kind} was made through`,
        hint: `Add it to the Stack document: spec.providers.${step.connection}.`,
      })
    }
    const observe = this.#observer(step.connection, provider)
    await this.#readSecrets(step)
    return perform(step, {
      planned: observed.get(step.address),
      kind,
      provider,
      observe,
      lineage,
      applyId,
      record: records.get(step.address),
      uuid: () => ports.random.uuid(),
      resolve: (desired, secrets) => this.#resolve(desired, secrets),
      successor:
        step.phase === 'delete'
          ? this.#byId.get(`replace-create ${step.address}`)?.restore?.token
          : undefined,
      intend: intent => journal.appendDurably([{ type: 'intent', step: step.id, ...intent }]),
      call: {
        signal,
        keep: token => journal.appendDurably([{ type: 'keep', step: step.id, token }]),
        progress: message => report({ type: 'step-progress', step: step.id, address: step.address, message }),
      },
    })
  }
}

/** Whatever a step threw, as an error of that step. */
function asInfraError(thrown: unknown, step: Step, signal: AbortSignal): InfraError {
  if (thrown instanceof InfraError) return thrown.address === undefined ? thrown.at(step.address) : thrown
  const aborted = signal.aborted
  return new InfraError({
    kind: 'operation',
    code: aborted ? 'given-up' : 'unexpected',
    address: step.address,
    message: aborted
      ? 'it was given up half-way'
      : `the ${step.connection} provider failed in an unexpected way`,
    why: messageOf(thrown),
    hint: aborted
      ? '`infra recover` finds out what was done of it.'
      : 'This is a defect of infra; please report it.',
    cause: thrown,
  })
}
