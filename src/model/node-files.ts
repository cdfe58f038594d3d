/** Files as Node has them, with what Node leaves to its callers: short writes, sync of folders, no way through a link. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import {
  copyFile,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  unlink,
} from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AppendFile, FileSystem } from './ports.js'

/** The end of the names of files that are being written. One that a crash left can be removed by who holds the lock. */
export const temporaryEnd = '.tmp'

export const nodeFiles: FileSystem = {
  read: path => orUndefined(readFile(path)),

  async replace(path, bytes, mode) {
    await refuseOddTarget(path)
    const temporary = `${path}.${randomBytes(6).toString('hex')}${temporaryEnd}`
    const file = await open(temporary, 'wx', mode)
    try {
      try {
        // The mode that `open` gives is cut by the umask.
        await file.chmod(mode)
        await writeAll(file, bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await unlink(temporary).catch(() => undefined)
      throw error
    }
    await syncFolder(dirname(path))
  },

  async append(path) {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
    const file = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
    try {
      await syncFolder(dirname(path))
    } catch (error) {
      await file.close()
      throw error
    }
    return appendFile(file)
  },

  async rename(from, to) {
    await rename(from, to)
    await syncFolder(dirname(to))
  },

  async link(from, to) {
    try {
      await link(from, to)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return
      if (!noHardLinks.has(codeOf(error) ?? '')) throw error
      const temporary = `${to}.${randomBytes(6).toString('hex')}${temporaryEnd}`
      try {
        await copyFile(from, temporary, constants.COPYFILE_EXCL)
        await syncFile(temporary)
        await rename(temporary, to)
      } catch (failure) {
        await unlink(temporary).catch(() => undefined)
        throw failure
      }
    }
    await syncFolder(dirname(to))
  },

  async remove(path) {
    await orUndefined(unlink(path))
  },

  async makeFolder(path) {
    const first = await mkdir(path, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
  },

  async list(path) {
    const names = await orUndefined(readdir(path))
    return (names ?? []).sort()
  },
}

/** What `link` fails with where the file system has no hard links or takes no more of them. */
const noHardLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function appendFile(file: FileHandle): AppendFile {
  return {
    append: bytes => writeAll(file, bytes),
    sync: () => file.datasync(),
    truncate: length => file.truncate(length),
    close: () => file.close(),
  }
}

/** Writes all of it: a write may take less than it was given, and says so only in its count. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset)
    if (bytesWritten === 0) throw Object.assign(new Error('EIO: nothing was written'), { code: 'EIO' })
    offset += bytesWritten
  }
}

/** Refuses to put a file in the place of a link, a device or a pipe: the rename would destroy it, not write to it. */
async function refuseOddTarget(path: string): Promise<void> {
  const found = await orUndefined(lstat(path))
  if (!found || found.isFile() || found.isDirectory()) return
  const code = found.isSymbolicLink() ? 'ELOOP' : 'EINVAL'
  const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'
  throw Object.assign(new Error(`${code}: ${path} is ${what}`), { code, path })
}

async function syncFolder(path: string): Promise<void> {
  await syncFile(path)
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
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
