/** One recorded resource back to something that its system has of it: a snapshot. What is there now is kept. */
import { recordAsDesired } from '../apply/ways.js'
import type { Address } from '../model/address.js'
import type { Restore } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import { planStack } from '../planner/plan-stack.js'
import type { Observation } from '../providers/provider.js'
import type { StateDocument } from '../state/document.js'
import { recordAt } from './edit-state.js'
import { kinds } from './provider-types.js'

/** Plans its replacement by what `restore` says; nothing else of the stack is touched. */
export function planRestore(
  state: StateDocument,
  address: Address,
  restore: Restore,
  observed: ReadonlyMap<Address, Observation>,
  connections: Plan['connections'],
) {
  return planStack({
    stack: state.stack,
    desired: new Map([[address, recordAsDesired(recordAt(state, address))]]),
    state,
    observed,
    kinds,
    connections,
    outputs: state.outputs,
    restore: new Map([[address, restore]]),
    options: { mode: 'rollback', only: new Set([address]) },
  })
}
