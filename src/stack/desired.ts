/** What a stack comes to once variables, references, forEach and defaults are resolved. Plain data. */
import type { Address } from '../model/address.js'
import type { Attributes, Json } from '../model/value.js'

export interface Lifecycle {
  readonly preventDestroy?: boolean
  /** Paths of the spec in which a difference is left alone. */
  readonly ignoreChanges?: readonly string[]
  /** Forgotten instead of deleted. */
  readonly retainOnDelete?: boolean
  readonly createBeforeDestroy?: boolean
}

export interface DesiredResource {
  readonly address: Address
  readonly kind: string
  /** The object's name in the system below. Instances of a forEach: `name-key` unless the document says otherwise. */
  readonly name: string
  /** The connection that serves it, by name. */
  readonly connection: string
  /** False: only read. It must exist; it is never changed. */
  readonly managed: boolean
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly lifecycle: Lifecycle
  /** Canonical, as the kind has it. May hold `Unresolved` values. Secrets are in it in clear: see `sensitive`. */
  readonly spec: Attributes
  /** Paths of the spec whose values are secrets: `cloudInit.passwordHash`, `dataDisks[vdb].key`. */
  readonly sensitive: readonly string[]
  /** Addresses that must be there first. Sorted. */
  readonly dependencies: readonly Address[]
  /** Where its document begins. */
  readonly source: { readonly file: string; readonly line: number }
}

/** A connection with its variables resolved, before it is opened. */
export interface DesiredConnection {
  readonly name: string
  readonly type: string
  readonly settings: Attributes
}

export interface DesiredOutput {
  readonly name: string
  /** May hold `Unresolved` values. */
  readonly value: Json
  readonly description?: string
  readonly sensitive: boolean
}

export interface Stack {
  readonly name: string
  /** Absolute path of the folder that relative paths start from. */
  readonly folder: string
  /** The same as it was called, for names in errors. */
  readonly shown: string
  /** Absolute path of the folder of state, journal and checkpoints. */
  readonly stateFolder: string
  readonly connections: readonly DesiredConnection[]
  /** By address, in the order of their documents. */
  readonly resources: ReadonlyMap<Address, DesiredResource>
  readonly outputs: readonly DesiredOutput[]
  /** Every secret text of the variables, for redaction of logs. */
  readonly secrets: readonly string[]
}
