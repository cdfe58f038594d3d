/** The state document: what infra recorded after the last verified step. */
import type { Address } from '../model/address.js'
import type { Attributes, Json } from '../model/value.js'
import type { Identity } from '../providers/provider.js'
import type { DesiredResource } from '../stack/desired.js'

/**
 * What is recorded of one resource: everything a plan needs to know of it without the stack file, so that a resource whose
 * document is gone can be deleted, and an older record can be planned back to.
 */
export interface ResourceRecord extends Omit<DesiredResource, 'managed'> {
  readonly identity: Identity
  /** Observed attributes, as last read. */
  readonly facts: Attributes
  /** Changed paths that wait for a restart. */
  readonly pending?: readonly string[]
  /** It was there before infra took it over: going back to before that forgets it, and does not delete it. */
  readonly adopted?: true
  /** Why the object cannot be trusted and is to be replaced: a create that failed or was cut off, or the user's word. */
  readonly tainted?: string
}

export interface OutputRecord {
  readonly value: Json
  readonly sensitive: boolean
}

/** The newest format that this version reads and the one it writes. */
export const stateFormat = 1

export interface StateDocument {
  readonly format: number
  /** Chosen when the state is made; tells this state from every other, and is in every owner tag. */
  readonly lineage: string
  /** Grows by one with every write. */
  readonly serial: number
  /** The stack's name. */
  readonly stack: string
  readonly resources: Readonly<Record<Address, ResourceRecord>>
  readonly outputs: Readonly<Record<string, OutputRecord>>
}
