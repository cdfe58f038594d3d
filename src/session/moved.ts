/** What was reviewed is what is applied: a plan is refused when what it observed has moved. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { changesSince, tellChanges } from '../planner/declared.js'
import type { Planned } from '../planner/input.js'
import type { Kind } from '../providers/kind.js'
import type { Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord } from '../state/document.js'

/** What is known of the resources of a plan beside what was seen of them. */
interface Known {
  readonly desired: ReadonlyMap<Address, DesiredResource>
  readonly records: Readonly<Record<Address, ResourceRecord>>
  readonly kinds: ReadonlyMap<string, Kind>
}

/** So many are told of with what differs; the others are counted. */
const mostTold = 10

const unseen: Observation = { status: 'unreadable', why: 'it was not read' }

/** Fails with `stale-plan`, naming what moved and how, where an observation is not the one that the plan was made from. */
export function movedSince(
  { plan, observed }: Planned,
  now: ReadonlyMap<Address, Observation>,
  known: Known,
): void {
  const planned = new Map(plan.steps.map(step => [step.address, step.desired] as const))
  const moved = Object.keys(plan.observed).flatMap(address => {
    const document = planned.get(address) ?? known.desired.get(address)
    const record = known.records[address]
    const kind = known.kinds.get(document?.kind ?? record?.kind ?? '')
    if (!kind) return []
    const declared = { recorded: record?.spec, desired: document?.spec }
    const changes = changesSince(observed.get(address) ?? unseen, now.get(address) ?? unseen, declared, kind)
    if (changes.length === 0) return []
    return [
      {
        address,
        changes,
        declared,
        kind,
        sensitive: [...(record?.sensitive ?? []), ...(document?.sensitive ?? [])],
      },
    ]
  })
  if (moved.length === 0) return
  const told = moved
    .slice(0, mostTold)
    .map(one => `${one.address}: ${tellChanges(one.changes, one.declared, one.sensitive, one.kind)}`)
  const more = moved.length > told.length ? `; and ${moved.length - told.length} more` : ''
  throw new InfraError({
    kind: 'validation',
    code: 'stale-plan',
    message: `${moved.length === 1 ? 'a resource has' : `${moved.length} resources have`} moved since the plan was made`,
    why: told.join('; ') + more,
    hint: 'Plan again, and review what is different.',
  })
}
