/** The plans of a session: of the stack, of a way back, of an act, of what is restored or taken over. */

import { listCheckpoints } from '../apply/checkpoint.js'
import { observeAll } from '../apply/engine.js'
import { rollbackInput } from '../apply/rollback.js'
import { recordAsDesired } from '../apply/ways.js'
import type { Address } from '../model/address.js'
import type { Attributes } from '../model/value.js'
import type { PlanOptions, PlanResult, Restore } from '../planner/input.js'
import { planStack } from '../planner/plan-stack.js'
import type { Observation } from '../providers/provider.js'
import type { SessionCore } from './core.js'
import { recordAt } from './edit-state.js'
import { findElsewhere } from './elsewhere.js'
import { documentToImport, requireImportable } from './importable.js'
import { requireKnown } from './known-addresses.js'
import { withLacks } from './lacks.js'
import { asRecorded, planFrom } from './plan-from.js'
import { planRestore } from './plan-restore.js'
import { kinds } from './provider-types.js'
import { quietPlanOr } from './quiet-plan.js'

export interface PlanRequest extends Partial<PlanOptions> {
  /** Takes recorded attributes for what is there; nothing is read live. */
  readonly noRefresh?: boolean
}

export async function planOf(core: SessionCore, request: PlanRequest): Promise<PlanResult> {
  const { noRefresh, ...asked } = request
  const options: PlanOptions = { mode: 'apply', ...asked }
  const records = core.state?.resources ?? {}
  requireKnown(options, () => new Set([...core.stack.resources.keys(), ...Object.keys(records)]))
  if (noRefresh) return planSeen(core, asRecorded(records, core.stack), options)
  const result = await planSeen(core, await core.observe(), options)
  const { providers } = await core.connect()
  const [checked, elsewhere] = await Promise.all([
    withLacks(result, core.stack, providers, core.input.ports.files, core.input.signal),
    findElsewhere(result.plan, core.state, providers, core.connectInput(core.stack.connections)),
  ])
  return { ...checked, problems: [...checked.problems, ...elsewhere] }
}

export async function planRollbackOf(core: SessionCore, id: string | undefined): Promise<PlanResult> {
  const { checkpoints } = await listCheckpoints(core.input.ports.files, core.stateFolder)
  const way = rollbackInput(core.state, checkpoints, id)
  const { connections } = await core.connect([...way.desired.values()].map(one => one.connection))
  return planStack({
    stack: core.stack.name,
    desired: way.desired,
    state: { lineage: way.lineage, serial: way.serial, resources: way.records },
    observed: await core.observeTargets(new Map(way.desired), way.records),
    kinds,
    connections,
    outputs: way.outputs,
    restore: way.restore,
    options: { mode: 'rollback' },
  })
}

export async function planActOf(
  core: SessionCore,
  specs: ReadonlyMap<Address, Attributes>,
): Promise<PlanResult> {
  const { state } = core
  const records = Object.fromEntries(
    [...specs.keys()].map(address => [address, recordAt(state, address)] as const),
  )
  const desired = new Map(
    Object.values(records).map(
      record => [record.address, recordAsDesired(record, specs.get(record.address))] as const,
    ),
  )
  const { connections } = await core.connect()
  return planStack({
    stack: core.stack.name,
    desired,
    state: { lineage: state?.lineage ?? '', serial: state?.serial ?? 0, resources: state?.resources ?? {} },
    observed: await core.observeTargets(desired, records),
    kinds,
    connections,
    outputs: state?.outputs ?? {},
    options: { mode: 'apply', only: new Set(specs.keys()), restart: new Set(specs.keys()) },
  })
}

export async function planRestoreOf(
  core: SessionCore,
  address: Address,
  restore: Restore,
): Promise<PlanResult> {
  const state = core.needState()
  const { connections } = await core.connect()
  const observed = await core.observeTargets(new Map(), { [address]: recordAt(state, address) })
  return planRestore(state, address, restore, observed, connections)
}

export async function planImportOf(core: SessionCore, address: Address, name: string): Promise<PlanResult> {
  const desired = documentToImport(core.stack, address)
  const { kind, connection, spec } = desired
  const { providers } = await core.connect()
  const aimed = [{ connection, target: { address, kind, name, spec } }]
  const found = (await observeAll({ providers }, aimed, core.input.signal)).get(address)
  requireImportable(desired, name, found)
  const observed = new Map(await core.observe())
  if (found) observed.set(address, found)
  return planSeen(core, observed, { mode: 'apply', only: new Set([address]), adopt: [address] })
}

async function planSeen(
  core: SessionCore,
  observed: ReadonlyMap<Address, Observation>,
  options: PlanOptions,
): Promise<PlanResult> {
  const { connections } = await core.connect()
  const { read, state } = core
  const folder = core.input.cacheFolder
  const inputs = { folder, stack: read.kept, state, observed, connections, options }
  return quietPlanOr(inputs, () => planFrom(read, state, observed, connections, options))
}
