/** The way back to a checkpoint, after the apply that made it has ended. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { Restore } from '../planner/input.js'
import type { Plan } from '../planner/plan.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import { checkpointNamed, stateBefore } from './checkpoint.js'
import type { Checkpoint } from './record.js'
import { recordAsDesired, restores } from './ways.js'

export interface RollbackInput {
  readonly lineage: string
  readonly serial: number
  readonly records: Readonly<Record<Address, ResourceRecord>>
  readonly desired: ReadonlyMap<Address, DesiredResource>
  readonly restore: ReadonlyMap<Address, Restore>
  readonly outputs: Plan['outputs']
}

/** What to plan for: the state before that checkpoint's apply (the newest, by default), and what deletes kept since. */
export function rollbackInput(
  state: StateDocument | undefined,
  checkpoints: readonly Checkpoint[],
  id: string | undefined,
): RollbackInput {
  const chosen = id === undefined ? checkpoints.at(-1) : checkpointNamed(checkpoints, id)
  if (!state || !chosen) {
    throw new InfraError({
      kind: 'validation',
      code: 'no-checkpoint',
      message: 'there is nothing to roll back to',
      hint: '`infra checkpoint ls` lists the points that can be gone back to.',
    })
  }
  const former = stateBefore(state, checkpoints, chosen.id)
  const since = checkpoints.filter(one => one.after >= chosen.after)
  const desired = Object.values(former.resources).map(
    record => [record.address, recordAsDesired(record)] as const,
  )
  return {
    lineage: state.lineage,
    serial: state.serial,
    records: state.resources,
    desired: new Map(desired),
    restore: restores(
      former.resources,
      since.flatMap(checkpoint => checkpoint.kept),
    ),
    outputs: former.outputs,
  }
}
