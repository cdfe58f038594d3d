/**
 * The lock of a state, held by the kernel: it ends with its holder, however that ends, and with nothing else. `flock(2)`
 * belongs to an open file, not to a process, so the `flock` program of util-linux (or busybox) locks the file that this
 * process has opened and handed down to it, and exits; the lock stays until this process closes the file or dies. No clock,
 * no lease and no pid decides anything. Beside the lock lies a note that says who holds it, for people alone.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { FileSystem } from '../model/ports.js'
import { flock } from './flock.js'
import { encodeNote, type Holder, lockHeld, readNote } from './holder.js'
import { settleFolders } from './leftovers.js'
import { type StatePaths, statePaths } from './paths.js'
import { isDiskFull, storageError } from './storage-error.js'

export type { Holder } from './holder.js'

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

export interface LockStatus {
  readonly held: boolean
  /** What the note beside the lock says. Where nothing is held, a dead holder left it. */
  readonly note: Holder | undefined
}

/** Who locks, as an argument: a simulation has its own. */
export interface Locker {
  /** Fails with `lock-held`, which names the holder. */
  acquire(holder: Holder, options?: LockOptions): Promise<Lock>
  status(): Promise<LockStatus>
  /** Removes a note that a dead holder left. Never takes the lock from a live one. Returns what it found. */
  unlock(): Promise<LockStatus>
}

/**
 * The least wait, in milliseconds. A holder that has just begun has its note written by then, and somebody who only looks
 * whether the lock is held, and so holds it for an instant, is no obstacle.
 */
const grace = 250

/** The lock of the state in a folder. */
export function kernelLocker(files: FileSystem, folder: string): Locker {
  const paths = statePaths(folder)
  return {
    async acquire(holder, { waitMilliseconds = 0, signal } = {}) {
      signal?.throwIfAborted()
      const file = await openLockFile(files, folder, paths)
      try {
        const wait = Math.max(waitMilliseconds, grace)
        if (!(await flock(file.fd, wait, signal))) throw lockHeld(await readNote(files, paths))
        await settleFolders(files, paths)
        await writeNote(files, paths, holder)
      } catch (error) {
        await file.close()
        signal?.throwIfAborted()
        throw storageError(error, { message: `the lock ${paths.lock} cannot be taken` })
      }
      let released: Promise<void> | undefined
      const release = () => {
        released ??= letGo(files, paths, file)
        return released
      }
      return { holder, release }
    },
    status: () => look(files, folder, paths, false),
    unlock: () => look(files, folder, paths, true),
  }
}

/** Takes the lock of the state in a folder, and removes what a crash left half written there. */
export function acquireLock(
  files: FileSystem,
  folder: string,
  holder: Holder,
  options?: LockOptions,
): Promise<Lock> {
  return kernelLocker(files, folder).acquire(holder, options)
}

/** A full disk does not keep anybody from the lock: what makes room again may need it. */
async function writeNote(files: FileSystem, paths: StatePaths, holder: Holder): Promise<void> {
  try {
    await files.replace(paths.holder, encodeNote(holder), 0o600)
  } catch (error) {
    if (!isDiskFull(error)) throw error
    await files.remove(paths.holder)
  }
}

/** The note goes first: once the lock is free, the note is the next holder's. */
async function letGo(files: FileSystem, paths: StatePaths, file: FileHandle): Promise<void> {
  try {
    await files.remove(paths.holder)
  } finally {
    await file.close()
  }
}

async function look(
  files: FileSystem,
  folder: string,
  paths: StatePaths,
  clean: boolean,
): Promise<LockStatus> {
  const file = await openLockFile(files, folder, paths)
  try {
    const held = !(await flock(file.fd, 0))
    const note = await readNote(files, paths)
    if (!held && clean) await files.remove(paths.holder)
    return { held, note }
  } finally {
    await file.close()
  }
}

async function openLockFile(files: FileSystem, folder: string, paths: StatePaths): Promise<FileHandle> {
  const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants
  try {
    await files.makeFolder(folder)
    return await open(paths.lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
  } catch (error) {
    throw storageError(error, { message: `the lock ${paths.lock} cannot be opened` })
  }
}
