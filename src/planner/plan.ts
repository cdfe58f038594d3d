/** The plan: frozen, serialisable data. `--json` prints exactly this, with secrets masked. */
import type { Address } from '../model/address.js'
import type { Json } from '../model/value.js'
import type { Hazard, How } from '../providers/kind.js'
import type { Identity } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'

export const planFormat = 'infra.plan/v1'

export type Action = 'create' | 'update' | 'replace' | 'delete' | 'adopt' | 'forget' | 'no-op'

/** What the plan is for. `accept` takes reality into the state (`--refresh-only`); `rollback` goes back to a checkpoint. */
export type PlanMode = 'apply' | 'destroy' | 'accept' | 'rollback'

/** One changed attribute. */
export interface Change {
  /** `dataDisks[vdb].sizeGB` */
  readonly path: string
  /** Absent where the value appears. */
  readonly from?: Json
  /** Absent where the value disappears. An `Unresolved` is shown as known after apply. */
  readonly to?: Json
  /** Who moved: the stack file, the real system, or both. */
  readonly origin: 'stack' | 'drift' | 'both'
  readonly how: How
  readonly why?: string
  /** `from` and `to` are secrets: masked in everything that is shown or saved. */
  readonly sensitive?: true
}

/** How a step would be undone. */
export interface Undo {
  readonly how: 'delete' | 'restore' | 'recreate' | 'update' | 'forget' | 'adopt' | 'none'
  /** In words: `the volume is kept and comes back with its data until the checkpoint is pruned`. */
  readonly text: string
}

export interface Step {
  /** `create VirtualMachine/web`; a replacement is two steps: `replace-delete …` and `replace-create …`. */
  readonly id: string
  readonly action: Action
  /** Of a replacement: which half. */
  readonly phase?: 'delete' | 'create'
  readonly address: Address
  readonly kind: string
  readonly name: string
  readonly connection: string
  /** Ids of steps that must be done before. Sorted. */
  readonly needs: readonly string[]
  readonly changes: readonly Change[]
  /** Why it is done, where that is not plain from the changes: `dataDisks[vdb].format cannot change in place`. */
  readonly cause?: string
  readonly hazards: readonly Hazard[]
  readonly undo: Undo
  /** The resource as it shall be; absent for delete and forget. */
  readonly desired?: DesiredResource
  /** The resource as recorded; absent for create and adopt. */
  readonly before?: {
    readonly spec: DesiredResource['spec']
    readonly sensitive: readonly string[]
    readonly identity: Identity
  }
  /** What a delete of this resource kept earlier: a create with it brings the data back. */
  readonly restore?: {
    readonly identity: Identity
    readonly token: Json | null
    readonly resume?: true
    readonly cause?: string
  }
  /** An update may restart it now. */
  readonly restart?: true
}

/** A difference between what was recorded and what is there, whoever will see to it. */
export interface Drift {
  readonly address: Address
  readonly kind: string
  readonly status: 'modified' | 'deleted'
  readonly changes: readonly {
    readonly path: string
    readonly from?: Json
    readonly to?: Json
    readonly sensitive?: true
  }[]
}

export interface Unreadable {
  readonly address: Address
  readonly why: string
}

/** What the plan takes of a place that others share: a host's memory, a pool's space. */
export interface Capacity {
  /** `connection libvirt`, `StoragePool/vms`. */
  readonly place: string
  /** `vCPUs`, `memory`, `disk`. */
  readonly resource: string
  /** `GiB`; empty for plain numbers. */
  readonly unit: string
  /** As declared by what is there now, and by what shall be there. */
  readonly before: number
  readonly after: number
  /** How much the place has, where that could be read. */
  readonly limit?: number
}

export interface PlanCounts {
  readonly create: number
  readonly update: number
  readonly replace: number
  readonly delete: number
  readonly adopt: number
  readonly forget: number
  readonly unchanged: number
}

export interface Plan {
  readonly format: typeof planFormat
  readonly stack: string
  readonly mode: PlanMode
  /** The state that the plan was made from; apply refuses any other. */
  readonly base: { readonly lineage: string; readonly serial: number }
  /** Type and description of each connection used: `embedded` is said wherever it is used. */
  readonly connections: Readonly<Record<string, { readonly type: string; readonly description: string }>>
  /** In the order of a reader: an order in which they could be done one by one. */
  readonly steps: readonly Step[]
  readonly counts: PlanCounts
  readonly drift: readonly Drift[]
  readonly unreadable: readonly Unreadable[]
  /** Something could not be read, so that more may have to change than is shown. */
  readonly incomplete: boolean
  /** Remarks of the systems below: a VM paused by hand, an unhealthy cluster. */
  readonly remarks: readonly { readonly address: Address; readonly text: string }[]
  /** Changes that wait for a restart of their resource. */
  readonly pending: readonly { readonly address: Address; readonly paths: readonly string[] }[]
  /** A digest of each resource's observation, so that apply can say what moved since. */
  readonly observed: Readonly<Record<Address, string>>
  /** Outputs as far as they are known. */
  readonly outputs: Readonly<Record<string, { readonly value: Json; readonly sensitive: boolean }>>
  /** The stack declares no resource at all, and therefore everything that is recorded goes. */
  readonly declaresNothing?: true
  /** The stack that wrote the state, where it has another name than this one. */
  readonly stateOf?: string
  /** What places hold before and after, sorted; absent where nothing was computed. */
  readonly capacity?: readonly Capacity[]
  /** sha256 over everything above, in hex. */
  readonly digest: string
}
