/** What the provider asks of a Ceph cluster, whichever way it is reached. */
import type { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'

/** A command as Ceph's own clients send it: its words and its named arguments. */
export interface CephCommand {
  /** `osd pool create`. */
  readonly prefix: string
  readonly [argument: string]: Json
}

export interface CallOptions {
  readonly signal: AbortSignal
  /** Given up after this long. The connection's own limit by default. */
  readonly timeoutSeconds?: number
  /** Data that goes with the command: a keyring for `auth import`. */
  readonly input?: string
}

export interface CommandAnswer {
  readonly output: string
  /** What the daemon said beside its output, for people. */
  readonly status: string
}

export interface CephVersion {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** `16.2.15 pacific`. */
  readonly text: string
}

/** How a connection is made: `library` is librados and librbd, `command` the ceph and rbd clients. */
export type Transport = 'library' | 'command'

export interface CephConnection {
  readonly transport: Transport
  /** For people: `ceph 16.2.15 pacific, 2f3e…, through librados as client.admin`. */
  readonly description: string
  readonly fsid: string
  readonly version: CephVersion
  /** Whether the monitors know the command, and the argument of it. */
  offers(prefix: string, argument?: string): boolean
  mon(command: CephCommand, options: CallOptions): Promise<CommandAnswer>
  mgr(command: CephCommand, options: CallOptions): Promise<CommandAnswer>
  /**
   * Hears the monitors' audit log from now on: every command that somebody gave the cluster, as the log words it. `lost` is
   * told once, when nothing is heard any more.
   */
  audit(listener: AuditListener, options: CallOptions): Promise<{ end(): void }>
  readonly rbd: RbdOperations
  readonly files: FileOperations
  close(): Promise<void>
}

export interface AuditListener {
  /** One line. `debug` for commands that change nothing, and for all that the manager is given. */
  heard(line: string, level: 'info' | 'debug'): void
  lost(error: InfraError): void
}

/** What no command does: it needs a mount. */
export interface FileOperations {
  /** Names of what is in a folder of a file system. */
  names(
    at: { readonly filesystem: string; readonly path: string },
    options: CallOptions,
  ): Promise<readonly string[]>
  /** Sets the owner of a path in a file system. */
  chown(
    at: { readonly filesystem: string; readonly path: string; readonly uid: number; readonly gid: number },
    options: CallOptions,
  ): Promise<void>
}

export interface RbdImageRef {
  readonly pool: string
  readonly image: string
}

export interface RbdSnapshotRef extends RbdImageRef {
  readonly snapshot: string
}

export interface RbdSnapshotInfo {
  readonly name: string
  /** The image's size when it was taken, in bytes. */
  readonly size: number
  readonly protected: boolean
}

export interface RbdImageInfo {
  readonly id: string
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Bytes. */
  readonly objectSize: number
  /** `layering`, `exclusive-lock`, …; sorted. */
  readonly features: readonly string[]
  readonly dataPool?: string
  readonly stripeUnit: number
  readonly stripeCount: number
  readonly parent?: RbdSnapshotRef
  readonly snapshots: readonly RbdSnapshotInfo[]
  readonly metadata: Readonly<Record<string, string>>
}

export interface RbdCreate extends RbdImageRef {
  readonly size: number
  readonly objectSize?: number
  readonly features?: readonly string[]
  readonly dataPool?: string
  readonly stripeUnit?: number
  readonly stripeCount?: number
}

export interface RbdClone extends RbdImageRef {
  readonly parent: RbdSnapshotRef
  readonly objectSize?: number
  readonly features?: readonly string[]
  readonly dataPool?: string
}

export interface RbdTrashEntry {
  readonly id: string
  readonly name: string
}

export interface RbdChild extends RbdImageRef {
  /** Whether the clone itself lies in the trash. */
  readonly trash: boolean
}

/** Block device images. Sizes are bytes. Every failure is a CephError with Ceph's errno. */
export interface RbdOperations {
  /** Names, also of what a create that was cut off has left and nobody can open. */
  list(at: { readonly pool: string }, options: CallOptions): Promise<readonly string[]>
  info(at: RbdImageRef, options: CallOptions): Promise<RbdImageInfo>
  create(at: RbdCreate, options: CallOptions): Promise<void>
  clone(at: RbdClone, options: CallOptions): Promise<void>
  resize(
    at: RbdImageRef & { readonly size: number; readonly allowShrink: boolean },
    options: CallOptions,
  ): Promise<void>
  features(
    at: RbdImageRef & { readonly enable: readonly string[]; readonly disable: readonly string[] },
    options: CallOptions,
  ): Promise<void>
  setMetadata(
    at: RbdImageRef & { readonly values: Readonly<Record<string, string>> },
    options: CallOptions,
  ): Promise<void>
  rename(at: RbdImageRef & { readonly to: string }, options: CallOptions): Promise<void>
  snapCreate(at: RbdSnapshotRef, options: CallOptions): Promise<void>
  snapRemove(at: RbdSnapshotRef, options: CallOptions): Promise<void>
  snapProtect(at: RbdSnapshotRef, options: CallOptions): Promise<void>
  snapUnprotect(at: RbdSnapshotRef, options: CallOptions): Promise<void>
  /** Clones of any snapshot of the image, those in the trash included. */
  children(at: RbdImageRef, options: CallOptions): Promise<readonly RbdChild[]>
  /** Addresses of the clients that have the image open. */
  watchers(at: RbdImageRef, options: CallOptions): Promise<readonly string[]>
  trashList(at: { readonly pool: string }, options: CallOptions): Promise<readonly RbdTrashEntry[]>
  /** Takes away what a create that was cut off has left of an image that nobody can open: its name, and what else there is. */
  removeRemains(at: RbdImageRef, options: CallOptions): Promise<void>
  trashMove(at: RbdImageRef, options: CallOptions): Promise<void>
  trashRestore(
    at: { readonly pool: string; readonly id: string; readonly name: string },
    options: CallOptions,
  ): Promise<void>
  /** Destroys a trashed image and its snapshots. */
  trashRemove(at: { readonly pool: string; readonly id: string }, options: CallOptions): Promise<void>
}
