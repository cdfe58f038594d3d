/** Drafts of documents of what is on a host. */
import type { Attributes } from '../../../model/value.js'
import type { Kind } from '../../kind.js'
import type { Observation } from '../../provider.js'
import type { Volume } from '../rpc/types.js'

/** A document that leaves nothing to do once the object is taken over. */
export interface Draft {
  readonly kind: Kind
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: Attributes
  /** What people should know of it. */
  readonly remarks: readonly string[]
  /** Another stack owns it. */
  readonly owned?: string
  /** The volume that a machine boots from, whatever others called it. */
  readonly boot?: Pick<Volume, 'pool' | 'name'>
}

/** What no document can describe. */
export interface LeftOut {
  readonly kind: string
  readonly name: string
  readonly why: string
}

/** What was observed of an object that is there. */
export type Present = Extract<Observation, { status: 'present' }>

/** Whose it is already, where another stack owns it. */
export function ownedBy({ owner }: Present): { readonly owned?: string } {
  return owner === undefined ? {} : { owned: `${owner.address} of the stack with lineage ${owner.lineage}` }
}
