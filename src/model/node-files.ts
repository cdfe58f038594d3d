/** Files as Node has them, with what Node leaves to its callers: short writes, sync of folders, no way through a link. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import * as node from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AppendFile, FileSystem } from './ports.js'

/** An open file, as far as it is used here. */
export interface OpenFile {
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  chmod(mode: number): Promise<void>
  sync(): Promise<void>
  datasync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/** The calls of `node:fs/promises` that are used here, so that a simulated disk can stand below the same code. */
export interface FileCalls {
  open(path: string, flags: string | number, mode?: number): Promise<OpenFile>
  readFile(path: string): Promise<Uint8Array>
  lstat(path: string): Promise<{ isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  copyFile(from: string, to: string, mode: number): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(
    path: string,
    options: { readonly recursive: true; readonly mode: number },
  ): Promise<string | undefined>
  readdir(path: string): Promise<string[]>
}

export const nodeFiles: FileSystem = filesOver(node)

/** The file operations of the engine, made of the calls of a system. */
export function filesOver(calls: FileCalls, unique = () => randomBytes(6).toString('hex')): FileSystem {
  /** A name for what is being written. One that a crash left behind can be removed by who holds the lock. */
  const temporaryName = (path: string) => `${path}.${unique()}.tmp`

  return {
    read: path => orUndefined(calls.readFile(path)),

    async replace(path, bytes, mode) {
      await refuseOddTarget(calls, path)
      const temporary = temporaryName(path)
      const file = await calls.open(temporary, 'wx', mode)
      try {
        try {
          // The mode that `open` gives is cut by the umask.
          await file.chmod(mode)
          await writeAll(file, bytes)
          await file.sync()
        } finally {
          await file.close()
        }
        await calls.rename(temporary, path)
      } catch (error) {
        // what led here is told; whoever holds the lock next removes what is left
        await calls.unlink(temporary).catch(() => undefined)
        throw error
      }
      await sync(calls, dirname(path))
    },

    async append(path) {
      const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
      const file = await calls.open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
      try {
        await sync(calls, dirname(path))
      } catch (error) {
        await file.close()
        throw error
      }
      return appendFile(file)
    },

    async rename(from, to) {
      await calls.rename(from, to)
      await sync(calls, dirname(to))
    },

    async link(from, to) {
      try {
        await calls.link(from, to)
      } catch (error) {
        const code = codeOf(error) ?? ''
        if (code !== 'EEXIST' && !noHardLinks.has(code)) throw error
        if (code !== 'EEXIST') await copy(calls, from, to, temporaryName(to))
      }
      await sync(calls, dirname(to))
    },

    async remove(path) {
      await orUndefined(calls.unlink(path))
    },

    async makeFolder(path) {
      const first = await calls.mkdir(path, { recursive: true, mode: 0o700 })
      if (first === undefined) return
      for (let made = path; made.length >= first.length; made = dirname(made))
        await sync(calls, dirname(made))
    },

    async syncFolder(path) {
      await orUndefined(sync(calls, path))
    },

    async list(path) {
      const names = await orUndefined(calls.readdir(path))
      return (names ?? []).sort()
    },
  }
}

/** What `link` fails with where the file system has no hard links or takes no more of them. */
const noHardLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function appendFile(file: OpenFile): AppendFile {
  return {
    append: bytes => writeAll(file, bytes),
    sync: () => file.datasync(),
    truncate: length => file.truncate(length),
    close: () => file.close(),
  }
}

/** Writes all of it: a write may take less than it was given, and says so only in its count. */
async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset)
    if (bytesWritten === 0) throw Object.assign(new Error('EIO: nothing was written'), { code: 'EIO' })
    offset += bytesWritten
  }
}

/** Refuses to put a file in the place of a link, a device or a pipe: the rename would destroy it, not write to it. */
async function refuseOddTarget(calls: FileCalls, path: string): Promise<void> {
  const found = await orUndefined(calls.lstat(path))
  if (!found || found.isFile() || found.isDirectory()) return
  const code = found.isSymbolicLink() ? 'ELOOP' : 'EINVAL'
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'
  throw Object.assign(new Error(`${code}: ${path} is ${what}`), { code, path })
}

/** The stand-in for a hard link. */
async function copy(calls: FileCalls, from: string, to: string, temporary: string): Promise<void> {
  try {
    await calls.copyFile(from, temporary, constants.COPYFILE_EXCL)
    await sync(calls, temporary)
    await calls.rename(temporary, to)
  } catch (error) {
    // what led here is told; whoever holds the lock next removes what is left
    await calls.unlink(temporary).catch(() => undefined)
    throw error
  }
}

/** Syncs a file or a folder. */
async function sync(calls: FileCalls, path: string): Promise<void> {
  const file = await calls.open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
