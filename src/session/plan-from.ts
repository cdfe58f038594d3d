/** A plan from what a session has read. Pure: all reading is done before. */
import type { Address } from '../model/address.js'
import type { PlanInput, PlanOptions, PlanResult } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import { planStack } from '../planner/plan-stack.js'
import type { Observation } from '../providers/provider.js'
import type { Stack } from '../stack/desired.js'
import { type FactsOf, type ReadStack, resolveStack } from '../stack/load.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { kinds } from './provider-types.js'

/** Plans the stack, its references resolved by what was observed. */
export function planFrom(
  read: ReadStack,
  state: StateDocument | undefined,
  observed: ReadonlyMap<Address, Observation>,
  connections: Plan['connections'],
  options: PlanOptions,
): PlanResult {
  const replaced = new Set<Address>()
  for (;;) {
    const stack = resolveStack(read, factsFrom(observed, replaced))
    const input: PlanInput = {
      stack: stack.name,
      desired: stack.resources,
      state: state ?? { lineage: '', serial: 0, resources: {} },
      observed,
      kinds,
      connections,
      outputs: outputsOf(stack),
      options,
    }
    const result = planStack(input)
    // What is replaced has other observed attributes afterwards: those who refer to them are resolved anew.
    const more = result.plan.steps.filter(step => step.action === 'replace' && !replaced.has(step.address))
    if (more.length === 0) return result
    for (const step of more) replaced.add(step.address)
  }
}

/** Facts by what was observed; what is going to be replaced has none yet. */
function factsFrom(observed: ReadonlyMap<Address, Observation>, replaced: ReadonlySet<Address>): FactsOf {
  return address => {
    const found = observed.get(address)
    return found?.status === 'present' && !replaced.has(address) ? found : undefined
  }
}

/** The stack’s outputs as a plan and the state hold them. */
export function outputsOf(stack: Stack): Plan['outputs'] {
  return Object.fromEntries(stack.outputs.map(({ name, value, sensitive }) => [name, { value, sensitive }]))
}

/** Observations as the state has them, for a plan that reads nothing live. */
export function asRecorded(
  records: Readonly<Record<Address, ResourceRecord>>,
  stack: Stack,
): Map<Address, Observation> {
  const found = new Map<Address, Observation>()
  for (const address of stack.resources.keys()) found.set(address, { status: 'absent' })
  for (const { address, identity, spec, facts } of Object.values(records)) {
    found.set(address, { status: 'present', identity, spec, facts })
  }
  return found
}
