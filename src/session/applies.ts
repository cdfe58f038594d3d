/** What a session does to the world: an approved plan, and what was cut off of one. */
import { openActs } from '../apply/act-journal.js'
import type { Engine } from '../apply/engine.js'
import { readJournal } from '../apply/journal.js'
import { applyPlan, type Control, type Outcome, recover } from '../apply/transaction.js'
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Planned } from '../planner/input.js'
import type { Plan, PlanMode } from '../planner/plan.js'
import { resolveResource, resolveStack } from '../stack/load.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { firstState, requireBase } from './base-state.js'
import type { SessionCore } from './core.js'
import { movedSince } from './moved.js'
import { outputsOf } from './plan-from.js'
import { kinds } from './provider-types.js'

export async function applyApproved(
  core: SessionCore,
  planned: Planned,
  command: string,
  control: Control,
  recheck: boolean,
): Promise<Outcome> {
  const { plan } = planned
  requireBase(plan, core.state)
  const state = core.state ?? (await firstState(core.stack.name, core.store, core.input.ports.random))
  core.state = state
  const engine = await engineOf(core)
  if (recheck) {
    const known = { desired: core.stack.resources, records: state.resources, kinds }
    movedSince(planned, await observeAgain(core, plan, state), known)
  }
  const outcome = await applyPlan(engine, planned, state, command, control)
  core.state = outcome.state
  return outcome
}

export async function recoverOpen(
  core: SessionCore,
  direction: 'forward' | 'back',
  control: Control,
  approve: (plan: Plan) => Promise<boolean>,
): Promise<Outcome | undefined> {
  if (!core.state) return undefined
  const open = await readJournal(core.input.ports.files, core.stateFolder)
  const [act] = openActs(open?.records ?? [])
  if (act) throw actCutOff(act.address)
  // What was cut off may be about what neither stack nor state tells of any more.
  const plans = open?.records.flatMap(record => (record.type === 'plan' ? [record.plan] : [])) ?? []
  await core.connect(plans.flatMap(plan => plan.steps.map(step => step.connection)))
  const outcome = await recover(await engineOf(core), core.state, direction, control, approve)
  if (outcome) core.state = outcome.state
  return outcome
}

/** All that the plan was made from, and what it brings back although neither stack nor state tells of it any more. */
function observeAgain(core: SessionCore, plan: Plan, { resources }: StateDocument) {
  const wanted = new Map(core.stack.resources)
  for (const { address, desired } of plan.steps) if (desired) wanted.set(address, desired)
  return core.observeTargets(wanted, resources)
}

async function engineOf(core: SessionCore): Promise<Engine> {
  const { ports, report, parallelism } = core.input
  const { providers, connections } = await core.connect()
  return {
    stack: core.stack.name,
    ports,
    kinds,
    providers,
    connections,
    store: core.store,
    stateFolder: core.stateFolder,
    resolve: (desired, factsOf, secrets) => {
      const kind = kinds.get(desired.kind)
      return kind ? resolveResource(desired, factsOf, kind, name => kinds.get(name), secrets) : desired
    },
    outputs: (mode, records) => outputsAfter(core, mode, records),
    report: report ?? (() => undefined),
    ...(parallelism !== undefined && { parallelism }),
  }
}

function outputsAfter(
  core: SessionCore,
  mode: PlanMode,
  records: Readonly<Record<Address, ResourceRecord>>,
): StateDocument['outputs'] {
  // A part that was destroyed leaves the outputs as they were; a stack without resources has none.
  if (mode === 'destroy' && Object.keys(records).length === 0) return {}
  if (mode !== 'apply') return core.state?.outputs ?? {}
  return outputsOf(resolveStack(core.read, address => records[address]))
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
