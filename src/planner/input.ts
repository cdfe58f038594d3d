/** What the planner is given. All of it was read before; the planner itself reads nothing. */

import type { Address } from '../model/address.js'
import type { InfraError } from '../model/error.js'
import type { Attributes, Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { Identity, Observation } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'
import type { StateDocument } from '../state/document.js'
import type { Plan, PlanMode } from './plan.js'

/** A resource that existed before, to be brought back: with this identity, and with what its delete kept. */
export interface Restore {
  readonly identity: Identity
  /** Null where the delete kept nothing: it is made anew under the old identity. */
  readonly token: Json | null
  /** How it was when it was put aside. Bringing it from there to what is desired may cost some of what comes back. */
  readonly spec?: Attributes
  /** Its create was cut off: whatever is there under this identity is its own, and is finished. */
  readonly resume?: true
  /** Why it comes back, where that is not a checkpoint. */
  readonly cause?: string
}

export interface PlanOptions {
  readonly mode: PlanMode
  /** Only these addresses and what they need (in a destroy: and what needs them). */
  readonly targets?: readonly Address[]
  /** Exactly these addresses, whatever they need: the way back or forward of one apply. */
  readonly only?: ReadonlySet<Address>
  /** Addresses to be replaced although nothing in them changed. */
  readonly replace?: readonly Address[]
  /** What an unfinished apply did itself, all of it or at these addresses: protection does not hold against undoing that. */
  readonly unprotected?: true | ReadonlySet<Address>
  /** Updates that were cut off, and deletes on the way back: an update is made even where all that can be read is as desired, as only their own end proves them. */
  readonly again?: ReadonlySet<Address>
  /** Addresses whose objects exist and are to be taken over, whoever made them. */
  readonly adopt?: readonly Address[]
  /** Updates may restart what they change, whatever the documents say: all of them, or those of these addresses. */
  readonly restart?: boolean | ReadonlySet<Address>
}

export interface PlanInput {
  readonly stack: string
  readonly desired: ReadonlyMap<Address, DesiredResource>
  /** The recorded state; undefined where there is none yet, and then the lineage of the one to be made. */
  readonly state: Pick<StateDocument, 'lineage' | 'serial' | 'resources'> &
    Partial<Pick<StateDocument, 'stack'>>
  /** One for every desired and every recorded address; what is missing counts as unreadable. */
  readonly observed: ReadonlyMap<Address, Observation>
  readonly kinds: ReadonlyMap<string, Kind>
  readonly connections: Plan['connections']
  readonly outputs: Plan['outputs']
  /** For a rollback: how a resource comes back that is gone or was replaced since. */
  readonly restore?: ReadonlyMap<Address, Restore>
  readonly options: PlanOptions
}

export interface PlanResult {
  readonly plan: Plan
  /** Why the plan must not be applied: refused changes, names that are taken, protected resources. */
  readonly problems: readonly InfraError[]
  /** What it was made from: an apply tells by it what has moved since. */
  readonly observed: ReadonlyMap<Address, Observation>
}

/** A plan, and what it was made from. */
export type Planned = Pick<PlanResult, 'plan' | 'observed'>
