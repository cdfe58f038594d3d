/** Everything an apply works with, passed in: no globals, no process, no terminal. */
import type { Address } from '../model/address.js'
import type { Ports } from '../model/ports.js'
import type { Plan, PlanMode } from '../planner/plan.js'
import type { Kind } from '../providers/kind.js'
import type { Observation, Provider, Target } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'
import type { Store } from '../state/store.js'
import type { Report } from './event.js'
import { readAll } from './observer.js'

export interface Engine {
  readonly stack: string
  readonly ports: Ports
  readonly kinds: ReadonlyMap<string, Kind>
  readonly providers: ReadonlyMap<string, Provider>
  readonly connections: Plan['connections']
  readonly store: Store
  /** The folder of state, journal and checkpoints. */
  readonly stateFolder: string
  readonly resolve: (
    desired: DesiredResource,
    factsOf: (address: Address) => Pick<ResourceRecord, 'spec' | 'facts'> | undefined,
    /** `kept`: what refers to another resource's secret stays a reference. */
    secrets: 'resolved' | 'kept',
  ) => DesiredResource
  /** The stack's outputs, once a plan of this mode has come to these records. */
  readonly outputs: (
    mode: PlanMode,
    records: Readonly<Record<Address, ResourceRecord>>,
  ) => StateDocument['outputs']
  readonly report: Report
  readonly parallelism?: number
}

/** A target, and the connection that it is reached through. */
export interface Aimed {
  readonly connection: string
  readonly target: Target
}

/** Observes all targets, each connection in bulk and all connections at once. What cannot be reached is unreadable. */
export async function observeAll(
  engine: Pick<Engine, 'providers'>,
  aimed: readonly Aimed[],
  signal: AbortSignal,
): Promise<Map<Address, Observation>> {
  const byConnection = new Map<string, Target[]>()
  for (const { connection, target } of aimed) {
    const list = byConnection.get(connection)
    if (list) list.push(target)
    else byConnection.set(connection, [target])
  }
  const found = new Map<Address, Observation>()
  await Promise.all(
    [...byConnection].map(async ([connection, targets]) => {
      const provider = engine.providers.get(connection)
      if (!provider) {
        const why = `there is no connection ${connection}`
        for (const target of targets) found.set(target.address, { status: 'unreadable', why })
        return
      }
      for (const [address, observation] of await readAll(provider, targets, signal))
        found.set(address, observation)
    }),
  )
  return found
}

/** A record as a target. */
export function aimAt(record: ResourceRecord): Aimed {
  const { address, kind, name, spec, identity, connection } = record
  return { connection, target: { address, kind, name, spec, identity } }
}

/** What to observe for a plan: recorded resources by their record, the others by their document. */
export function targetsOf(
  desired: ReadonlyMap<Address, DesiredResource>,
  records: Readonly<Record<Address, ResourceRecord>>,
): Aimed[] {
  const aimed = Object.values(records).map(aimAt)
  for (const resource of desired.values()) {
    if (records[resource.address]) continue
    const { address, kind, name, spec, connection } = resource
    aimed.push({ connection, target: { address, kind, name, spec } })
  }
  return aimed
}
