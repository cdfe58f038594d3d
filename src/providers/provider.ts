/**
 * The provider contract: what the engine asks of a system below. Four verbs that do I/O, and beside them the kinds (pure
 * data), which carry the fifth, `diff`, as rules. test/conformance/ holds every provider to what is said here.
 */
import type { InfraError } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { Attributes, Json } from '../model/value.js'
import type { Kind } from './kind.js'

/** Names that find one object again: a UUID or key chosen before it is made, and what the system itself gave it. */
export type Identity = Readonly<Record<string, string>>

/** Who made an object, as a tag on the object itself where the system allows one. */
export interface Owner {
  /** The lineage of the state that owns it. */
  readonly lineage: string
  readonly address: string
}

/** A resource to look at or to change. */
export interface Target {
  /** `VirtualMachine/web`, `VirtualMachine/web[a]`. */
  readonly address: string
  readonly kind: string
  /** The object's name in the system below. */
  readonly name: string
  /** The spec, canonical: the recorded one where there is a record, else the desired one. May hold unresolved values. */
  readonly spec: Attributes
  /** Where it was recorded or chosen. Without one, the object is looked up by name. */
  readonly identity?: Identity
}

/** A resource that is to be made or changed. */
export interface Wanted extends Target {
  /** Its spec as it is recorded, where the object stays; absent where one is made. */
  readonly from?: Attributes
}

/** What was read live. Absent is a value, not an error; unreadable is neither. */
export type Observation =
  | {
      readonly status: 'present'
      readonly identity: Identity
      /** Absent where the object carries no tag of infra. */
      readonly owner?: Owner
      /** Declared attributes as they really are, canonical. What cannot be read is left out, and is then not compared. */
      readonly spec: Attributes
      /** Observed attributes that others may refer to, as the kind's `facts` lists them. */
      readonly facts: Attributes
      /** Paths whose persistent value waits for a restart. */
      readonly pending?: readonly string[]
      /** A state that people should hear of: paused by hand, half made, an unhealthy cluster. */
      readonly remark?: string
      /** Made in part only: a create or delete that was cut off. It cannot be adopted as it is. */
      readonly incomplete?: true
    }
  | { readonly status: 'absent' }
  | { readonly status: 'unreadable'; readonly why: string }

/** What every call that changes something gets. */
export interface Call {
  readonly signal: AbortSignal
  /**
   * Records, durably, what is needed to bring back what the call is about to destroy. To be awaited before destroying.
   * The last one counts. It comes back in `CreateRequest.restore` on a rollback and in `discard` on a prune.
   */
  keep(token: Json): Promise<void>
  /** Progress for people; rarely more than once a second. */
  progress(message: string): void
}

export interface CreateRequest extends Target {
  /** Chosen and journaled before this call: a create that finds it there already finishes it instead of making a second. */
  readonly identity: Identity
  readonly owner: Owner
  readonly labels: Readonly<Record<string, string>>
  /** What an earlier delete kept: the object comes back with its data. */
  readonly restore?: Json
}

export interface UpdateRequest extends Target {
  readonly identity: Identity
  readonly owner: Owner
  readonly labels: Readonly<Record<string, string>>
  /** As observed just before, canonical. */
  readonly from: Attributes
  /** The changed paths with how each is to be met, as the plan showed. */
  readonly changes: readonly { readonly path: string; readonly how: 'live' | 'restart' }[]
  /** Whether changes that need a restart may restart it now; otherwise they are stored and wait. */
  readonly restart: boolean
}

export interface DeleteRequest extends Target {
  readonly identity: Identity
  readonly owner: Owner
  /** Names the place where data goes; the same on a retry, unique else. */
  readonly trash: string
  /** Of a replacement that brings something back: `CreateRequest.restore` of the create that comes next. */
  readonly successor?: Json
}

/** An object that nobody declared, in a place that the stack manages. */
export interface Unmanaged {
  readonly kind: string
  readonly name: string
  readonly identity: Identity
  /** Why it is listed: `in pool foundry-vms`. */
  readonly place: string
}

/** What a system told as it happened: something may have changed. It says where to look again, not what is there. */
export interface Hint {
  /** For logs: `domain web: lifecycle`. */
  readonly what: string
  /** Whether this target may have changed. */
  touches(target: Target): boolean
}

export interface Provider {
  readonly type: string
  /** What it is connected to, for people: `libvirt 9.0.0 at qemu:///system`. */
  readonly description: string
  /** How many changes at once serve it best. */
  readonly parallelism: number
  /**
   * Reads all targets in bulk and changes nothing. Every target gets an observation. One that cannot be read is `unreadable`
   * and does not hide the others; it throws only when nothing at all can be said (the connection is gone).
   */
  observe(targets: readonly Target[], signal: AbortSignal): Promise<ReadonlyMap<string, Observation>>
  /** Makes the object, with its owner tag, up to being ready. Called again after a crash, it finishes what is there. */
  create(request: CreateRequest, call: Call): Promise<void>
  /** Brings the object from `from` to `spec` without replacing it. Called again after a crash, it finishes. */
  update(request: UpdateRequest, call: Call): Promise<void>
  /** Removes the object; data goes to where `keep` told. Deleting something absent succeeds. */
  delete(request: DeleteRequest, call: Call): Promise<void>
  /** Destroys what an earlier delete kept. What is gone already is no error. Absent where nothing is ever kept. */
  discard?(token: Json, signal: AbortSignal): Promise<void>
  /** Objects in managed places that are not among the targets and carry no owner's tag. */
  unmanaged?(targets: readonly Target[], signal: AbortSignal): Promise<readonly Unmanaged[]>
  /**
   * What these targets, which are to be made or changed, need of the place and it does not have: found before anything is
   * made. `all` is everything that the stack declares there, which counts as being there. Changes nothing.
   */
  lacks?(
    targets: readonly Wanted[],
    all: readonly Target[],
    signal: AbortSignal,
  ): Promise<readonly InfraError[]>
  /**
   * Hears of changes as they happen, where the system can tell. Resolves once every change from now on is heard of. The
   * sequence ends with the signal, and throws (InfraError) when the connection is lost: what happens then is not heard of.
   */
  watch?(signal: AbortSignal): Promise<AsyncIterable<Hint>>
  close(): Promise<void>
}

/** Keeps between runs what can be made again and only saves time: by name, for one connection of one stack and this build. */
export interface Keeper {
  /** Undefined where there is nothing that can be used. */
  get(name: string): Promise<string | undefined>
  put(name: string, payload: string): Promise<void>
}

/** A connection as the stack names it, variables resolved. */
export interface Connection {
  /** The name in `spec.providers`, which `spec.host` and the like refer to. */
  readonly name: string
  /** `embedded`, `libvirt`, `ceph`, `vcluster`. */
  readonly type: string
  readonly settings: Attributes
  /** The folder that relative paths in settings and specs start from. */
  readonly folder: string
  /** The folder of this stack's state, for what a provider keeps of its own. */
  readonly stateFolder: string
  /** Absent where nothing of what is read may be on disk: secrets may be in it. */
  readonly keeper?: Keeper
}

/** One type of provider: its kinds, and how a connection to it is opened. */
export interface ProviderType {
  readonly type: string
  readonly summary: string
  readonly kinds: readonly Kind[]
  /** The schema of the connection's settings, a strict object. */
  readonly settings: import('zod').ZodType
  /** Connects. Fails with an InfraError of kind `connection` that says what was tried and what to do. */
  open(connection: Connection, ports: Ports, signal: AbortSignal): Promise<Provider>
}
