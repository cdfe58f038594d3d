/** The lock of a state: held by the kernel, so that it ends with its holder, however that ends. */
import type { FileSystem } from '../model/ports.js'

/** Who holds it, for people. */
export interface Holder {
  readonly host: string
  readonly pid: number
  /** Wall clock, milliseconds since 1970. */
  readonly since: number
  /** `infra apply examples/homelab` */
  readonly command: string
}

export interface LockOptions {
  /** How long to wait for another holder; 0 by default. */
  readonly waitMilliseconds?: number
  readonly signal?: AbortSignal
}

/** A lock that is held. */
export interface Lock {
  readonly holder: Holder
  release(): Promise<void>
}

/** Who locks, as an argument: a simulation has its own. Fails with `lock-held` (kind storage), which names the holder. */
export interface Locker {
  acquire(holder: Holder, options?: LockOptions): Promise<Lock>
  /** Whether it is held now, and what the note beside it says. */
  status(): Promise<{ readonly held: boolean; readonly note: Holder | undefined }>
  /** Removes a note that a dead holder left. Never takes the lock from a live one. Returns what it found. */
  unlock(): Promise<{ readonly held: boolean; readonly note: Holder | undefined }>
}

export declare function kernelLocker(files: FileSystem, folder: string): Locker
export declare function acquireLock(
  files: FileSystem,
  folder: string,
  holder: Holder,
  options?: LockOptions,
): Promise<Lock>
