/** The journal's records: what one apply intended, did and left open. Appended in order, each on a line of its own. */
import type { Address } from '../model/address.js'
import type { ErrorDetails } from '../model/error.js'
import type { Attributes, Json } from '../model/value.js'
import type { Plan } from '../planner/plan.js'
import type { Identity } from '../providers/provider.js'
import type { ResourceRecord } from '../state/document.js'

export type JournalRecord =
  /** First of all: who, when, and the state that the apply started from. */
  | {
      readonly type: 'open'
      readonly format: 1
      readonly id: string
      readonly at: number
      readonly command: string
      readonly lineage: string
      readonly serial: number
    }
  /** A plan begins: the one that was approved, or the way back or forward from where the one before stopped. */
  | { readonly type: 'plan'; readonly direction: 'forward' | 'back'; readonly plan: Plan }
  /** A step is about to call its provider, which was `from` just before. Durable before the call. */
  | {
      readonly type: 'intent'
      readonly step: string
      readonly identity: Identity
      readonly trash: string
      readonly from?: Attributes
    }
  /** What the provider needs to bring back what it is about to destroy. Durable before it destroys. */
  | { readonly type: 'keep'; readonly step: string; readonly token: Json }
  /** A step was done and read back: the record that replaces the resource's one, or null where it is gone. */
  | {
      readonly type: 'done'
      readonly step: string
      readonly record: ResourceRecord | null
      readonly milliseconds: number
    }
  | { readonly type: 'failed'; readonly step: string; readonly error: ErrorDetails }
  /** An act beside any plan is about to begin on the real object of a resource. Durable before it begins. */
  | {
      readonly type: 'act'
      /** Its place among the acts of this journal. */
      readonly act: number
      readonly address: Address
      readonly connection: string
      /** What is done, as data that its provider can settle it by. */
      readonly what: Attributes
    }
  /** An act has come to an end that is known; nothing of it is left to be settled. */
  | { readonly type: 'acted'; readonly act: number }
  /** All is folded into the state of this serial; the journal can go. */
  | { readonly type: 'closed'; readonly serial: number }

/** What a closed journal leaves: how to go back to the state before it. */
export interface Checkpoint {
  readonly format: 1
  /** The journal's id. */
  readonly id: string
  readonly lineage: string
  /** Serial of the state before and after. */
  readonly before: number
  readonly after: number
  /** Wall clock, milliseconds since 1970. */
  readonly at: number
  readonly command: string
  /** `3 created, 1 destroyed`. */
  readonly summary: string
  /** Immer patches that turn the state after into the state before. */
  readonly back: readonly {
    readonly op: 'replace' | 'remove' | 'add'
    readonly path: readonly (string | number)[]
    readonly value?: Json
  }[]
  /** What deletes kept, until it is restored or pruned. */
  readonly kept: readonly Kept[]
  /** Changes of an apply that was undone that could not be undone, in words. */
  readonly left?: readonly { readonly address: string; readonly text: string }[]
}

export interface Kept {
  readonly address: string
  readonly kind: string
  readonly name: string
  readonly connection: string
  readonly identity: Identity
  readonly token: Json
  /** Its declared attributes when it was put aside, which is how it comes back. */
  readonly spec?: Attributes
}
