/** What a user asks of a process: plan and apply, roll back, prune, edit, recover. */
import { listCheckpoints } from '../../src/apply/checkpoint.js'
import { observeAll, targetsOf } from '../../src/apply/engine.js'
import { readJournal } from '../../src/apply/journal.js'
import { rollbackInput } from '../../src/apply/rollback.js'
import { applyPlan, type Outcome, recover } from '../../src/apply/transaction.js'
import { writeEdit } from '../../src/apply/write-edit.js'
import { InfraErrors } from '../../src/model/error.js'
import type { PlanOptions, PlanResult } from '../../src/planner/input.js'
import { planStack } from '../../src/planner/plan-stack.js'
import { forgetRecords, taintRecord } from '../../src/session/edit-state.js'
import { movedSince } from '../../src/session/moved.js'
import { checkpointsToPrune, pruneCheckpoints } from '../../src/session/prune.js'
import type { DesiredResource } from '../../src/stack/desired.js'
import type { StateDocument } from '../../src/state/document.js'
import { type Direction, type Operation, stackOf } from './draw.js'
import type { Process } from './process.js'

/** What was done: an outcome of the engine, or nothing, where nothing was to be done. */
export type Did = Outcome | undefined

/** `unread` is told the addresses that the plan could not read, and leaves for the next one. */
export async function operate(process: Process, operation: Operation, unread?: Set<string>): Promise<Did> {
  switch (operation.do) {
    case 'apply': {
      const options = { mode: 'apply', restart: operation.restart } as const
      return applyStack(process, stackOf(operation.stack), options, unread)
    }
    case 'destroy':
      return applyStack(process, [], { mode: 'destroy' }, unread)
    case 'accept':
      return applyStack(process, [], { mode: 'accept' }, unread)
    case 'rollback':
      return rollback(process, operation.back)
    case 'prune':
      return prune(process, operation.keep)
    case 'taint':
    case 'forget':
      return edit(process, operation)
  }
}

/** What is still to be done about a stack. */
export async function planOf(
  { engine, state, control }: Process,
  desired: readonly DesiredResource[],
  options: PlanOptions,
): Promise<PlanResult> {
  const wanted = new Map(desired.map(resource => [resource.address, resource]))
  const records = state?.resources ?? {}
  const observed = await observeAll(engine, targetsOf(wanted, records), control.signal)
  return planStack({
    stack: 'sim',
    desired: wanted,
    state: state ?? { lineage: '', serial: 0, resources: {} },
    observed,
    kinds: engine.kinds,
    connections: engine.connections,
    outputs: {},
    options,
  })
}

async function applyStack(
  process: Process,
  desired: readonly DesiredResource[],
  options: PlanOptions,
  unread?: Set<string>,
): Promise<Did> {
  const { engine, state, control } = process
  const result = await planOf(process, desired, options)
  for (const { address } of result.plan.unreadable) unread?.add(address)
  if (result.problems.length > 0) throw new InfraErrors(result.problems)
  if (result.plan.steps.length === 0) return undefined
  const base = state ?? (await firstState(process))
  const wanted = new Map(desired.map(resource => [resource.address, resource]))
  const again = await observeAll(engine, targetsOf(wanted, base.resources), control.signal)
  movedSince(result, again, { desired: wanted, records: base.resources, kinds: engine.kinds })
  return applyPlan(engine, result, base, options.mode, control)
}

async function firstState({ engine, ports }: Process): Promise<StateDocument> {
  const made: StateDocument = {
    ...{ format: 1, lineage: ports.random.uuid(), serial: 1, stack: 'sim', resources: {}, outputs: {} },
  }
  await engine.store.write(made)
  return made
}

async function rollback(process: Process, back: number): Promise<Did> {
  const { engine, state, control, folder, ports } = process
  const { checkpoints } = await listCheckpoints(ports.files, folder)
  const chosen = checkpoints.at(-1 - back)
  if (!state || !chosen) return undefined
  const way = rollbackInput(state, checkpoints, chosen.id)
  const observed = await observeAll(engine, targetsOf(way.desired, way.records), control.signal)
  const made = planStack({
    stack: 'sim',
    desired: way.desired,
    state,
    observed,
    kinds: engine.kinds,
    connections: engine.connections,
    outputs: way.outputs,
    restore: way.restore,
    options: { mode: 'rollback' },
  })
  if (made.problems.length > 0) throw new InfraErrors(made.problems)
  if (made.plan.steps.length === 0) return undefined
  return applyPlan(engine, made, state, 'rollback', control)
}

async function prune({ engine, control, folder, ports }: Process, keep: number): Promise<Did> {
  const { checkpoints } = await listCheckpoints(ports.files, folder)
  const chosen = checkpointsToPrune(checkpoints, { keep })
  await pruneCheckpoints(chosen, engine.providers, ports.files, folder, control.signal)
  return undefined
}

async function edit(
  { engine, state, folder, ports }: Process,
  operation: { readonly do: 'taint' | 'forget'; readonly which: number },
): Promise<Did> {
  const addresses = Object.keys(state?.resources ?? {}).sort()
  const address = addresses[operation.which % Math.max(1, addresses.length)]
  if (!state || address === undefined) return undefined
  const edited =
    operation.do === 'forget' ? forgetRecords(state, [address]) : taintRecord(state, address, 'by hand')
  await writeEdit(ports, folder, engine.store, state, edited, operation.do)
  return undefined
}

/** Settles what is open. Undefined where nothing is. */
export async function settle(
  { engine, state, control, folder, ports }: Process,
  direction: Direction,
): Promise<Did> {
  if (!(await readJournal(ports.files, folder))) return undefined
  if (!state) throw new Error('there is a journal, and no state that it belongs to')
  return recover(engine, state, direction, control, async () => true)
}
