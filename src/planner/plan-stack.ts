/** desired + state + observed → plan. Pure and synchronous: the same inputs give the same plan, to the byte. */

import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { sameValue } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import { capacityOf } from './capacity.js'
import { decide, sensitivity } from './decide.js'
import type { Decided, Decision } from './decision.js'
import { currentSpec, differences } from './diff.js'
import { observationDigest, planDigest } from './digest.js'
import type { PlanInput, PlanResult } from './input.js'
import { type Drift, type Plan, type PlanCounts, planFormat, type Step } from './plan.js'
import { checkProtection, isUnprotected } from './protect.js'
import { reachable } from './reachable.js'
import { recordedElsewhere } from './recorded-elsewhere.js'
import { replacedAlong } from './replaced-along.js'
import { stepsOf } from './steps.js'
import { targeted } from './target.js'
import { wire } from './wire.js'

const unknown: Observation = { status: 'unreadable', why: 'it was not read' }

/** Plans a stack. Never throws on any combination of inputs; what must not be done is told in `problems`. */
export function planStack(input: PlanInput): PlanResult {
  const problems: InfraError[] = []
  const decided = new Map<Address, Decided>()
  const scope = targeted(input)
  for (const address of subjects(input)) {
    if (scope && !scope.has(address)) continue
    const subject = decideOne(address, input)
    if (subject instanceof InfraError) problems.push(subject)
    else decided.set(address, subject)
  }
  replacedAlong(decided)
  for (const { decision } of decided.values())
    if (decision.action === 'refused') problems.push(...decision.problems)
  problems.push(...recordedElsewhere(decided, input))
  holdBack(decided)
  const steps = wire([...decided.values()].flatMap(stepsOf), decided)
  problems.push(...checkProtection(steps, decided, input.options))

  const told = facts(decided, input)
  const draft: Omit<Plan, 'digest'> = {
    format: planFormat,
    stack: input.stack,
    mode: input.options.mode,
    base: { lineage: input.state.lineage, serial: input.state.serial },
    connections: input.connections,
    steps,
    counts: count(steps, decided),
    ...told,
    outputs: input.outputs,
    ...(declaresNothing(input, steps) && { declaresNothing: true as const }),
    ...(isOfAnother(input) && { stateOf: input.state.stack }),
    capacity: capacityOf({
      steps,
      records: input.state.resources,
      desired: input.desired,
      observed: input.observed,
    }),
  }
  return { plan: { ...draft, digest: planDigest(draft) }, problems, observed: input.observed }
}

/** The state was written by a stack of another name: this one was renamed, or it was pointed to a folder that is not its own. */
function isOfAnother({ stack, state }: PlanInput): boolean {
  return state.stack !== undefined && state.stack !== stack
}

/** An empty file, or the wrong folder, asks for the same as `destroy`: only of a whole plan of the stack it can be told. */
function declaresNothing({ desired, options }: PlanInput, steps: readonly Step[]): boolean {
  return options.mode === 'apply' && options.only === undefined && desired.size === 0 && steps.length > 0
}

/** Every address that there is something to decide about; sorted, so that the order of documents decides nothing. */
function subjects({ desired, state, options }: PlanInput): Address[] {
  const recorded = Object.keys(state.resources)
  // A destroy and a look at reality are about what was made; what was not made yet is none of theirs.
  if (options.mode === 'destroy' || options.mode === 'accept') return recorded.sort()
  return [...new Set([...desired.keys(), ...recorded])].sort()
}

function decideOne(address: Address, input: PlanInput): Decided | InfraError {
  const { mode } = input.options
  const desired = mode === 'destroy' || mode === 'accept' ? undefined : input.desired.get(address)
  const record = input.state.resources[address]
  const kindName = desired?.kind ?? record?.kind ?? ''
  const kind = input.kinds.get(kindName)
  if (!kind) {
    return new InfraError({
      kind: 'validation',
      code: 'unknown-kind',
      address,
      message: `the state holds a resource of a kind that this version does not know: ${kindName}`,
      hint: 'Use the version of infra that recorded it, or forget it with `infra state rm`.',
    })
  }
  const observation = input.observed.get(address) ?? unknown
  const restore = input.restore?.get(address)
  const { goal, left } =
    mode === 'rollback'
      ? reachable(desired, record, observation, restore, kind, isUnprotected(input.options, address))
      : { goal: desired, left: [] }
  const decision: Decision = decide({ desired: goal, record, observation, restore }, kind, input)
  const before = record ?? (goal && claimed(goal, observation, kind))
  return { address, kind, desired: goal, record, before, restore, decision, left }
}

/** What is known of an object that is there and was not recorded. */
function claimed(desired: DesiredResource, observation: Observation, kind: Kind): Step['before'] {
  if (observation.status !== 'present') return undefined
  const { identity } = observation
  const spec = currentSpec(desired.spec, observation.spec, desired.spec, kind.keyedLists)
  return { spec, sensitive: desired.sensitive, identity }
}

/** What needs something that could not be read waits, too: nothing is built on a guess. */
function holdBack(decided: Map<Address, Decided>): void {
  const held = [...decided.values()]
    .filter(one => one.decision.action === 'unreadable')
    .map(one => one.address)
  if (held.length === 0) return
  const dependents = new Map<Address, Address[]>()
  const link = (below: Address, above: Address) => {
    const list = dependents.get(below)
    if (list) list.push(above)
    else dependents.set(below, [above])
  }
  for (const { address, desired, record } of decided.values()) {
    for (const dependency of desired?.dependencies ?? []) link(dependency, address)
    // An unreadable resource may still use what it depends on.
    for (const dependency of record?.dependencies ?? []) if (!desired) link(address, dependency)
  }
  const seen = new Set(held)
  for (let address = held.pop(); address !== undefined; address = held.pop()) {
    for (const next of dependents.get(address) ?? []) {
      const subject = decided.get(next)
      if (seen.has(next) || !subject) continue
      seen.add(next)
      held.push(next)
      if (subject.decision.action === 'none') continue
      decided.set(next, {
        ...subject,
        decision: { action: 'unreadable', why: `it waits for ${address}, which could not be read` },
      })
    }
  }
}

function facts(
  decided: ReadonlyMap<Address, Decided>,
  input: PlanInput,
): Pick<Plan, 'drift' | 'unreadable' | 'incomplete' | 'remarks' | 'pending' | 'observed'> {
  const drift: Drift[] = []
  const unreadable: { address: Address; why: string }[] = []
  const remarks: { address: Address; text: string }[] = []
  const pending: { address: Address; paths: readonly string[] }[] = []
  const observed: Record<Address, string> = {}
  for (const address of [...decided.keys()].sort()) {
    const subject = decided.get(address)
    if (!subject) continue
    const observation = input.observed.get(address) ?? unknown
    const declared = { recorded: subject.record?.spec, desired: subject.desired?.spec }
    observed[address] = observationDigest(observation, declared, subject.kind.keyedLists)
    const moved = driftOf(subject, observation)
    if (moved) drift.push(moved)
    if (subject.decision.action === 'unreadable') unreadable.push({ address, why: subject.decision.why })
    for (const text of subject.left) remarks.push({ address, text })
    if (observation.status !== 'present') continue
    if (observation.remark !== undefined) remarks.push({ address, text: observation.remark })
    const told = subject.kind.told?.(observation.facts)
    if (told !== undefined) remarks.push({ address, text: told })
    if (observation.pending?.length) pending.push({ address, paths: observation.pending })
  }
  return { drift, unreadable, incomplete: unreadable.length > 0, remarks, pending, observed }
}

/** How what is there differs from what was recorded. */
export function driftOf(
  { address, kind, record }: Pick<Decided, 'address' | 'kind' | 'record'>,
  observation: Observation,
): Drift | undefined {
  if (!record || observation.status === 'unreadable') return undefined
  if (observation.status === 'absent') return { address, kind: kind.kind, status: 'deleted', changes: [] }
  if (sameValue(record.spec, observation.spec)) return undefined
  const current = currentSpec(record.spec, observation.spec, record.spec, kind.keyedLists)
  const sensitive = sensitivity(record.sensitive)
  const changes = differences(record.spec, current, kind.keyedLists)
  if (changes.length === 0) return undefined
  return {
    address,
    kind: kind.kind,
    status: 'modified',
    changes: changes.map(change => ({ ...change, ...sensitive(change.path) })),
  }
}

function count(steps: readonly Step[], decided: ReadonlyMap<Address, Decided>): PlanCounts {
  const counts = { create: 0, update: 0, replace: 0, delete: 0, adopt: 0, forget: 0 }
  let unchanged = 0
  for (const step of steps) if (step.action !== 'no-op' && step.phase !== 'delete') counts[step.action] += 1
  for (const { decision } of decided.values())
    if (decision.action === 'none' || decision.action === 'no-op') unchanged += 1
  return { ...counts, unchanged }
}
