/**
 * A folder of things that can be made again, kept between runs to save time. An entry is whole, held to a checksum of its own,
 * and closed to others; one that is broken, foreign or open to others is passed over as if it were not there.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const mostEntries = 64
const checksumLength = 64
const newline = 10

export interface CacheFolder {
  /** The entry of this key; undefined where there is none that can be used. */
  get(key: string, mostBytes: number): Promise<string | undefined>
  /** Keeps an entry, and forgets the oldest. One that cannot be written is no reason to stop. */
  put(key: string, payload: string): Promise<void>
}

/** sha256 over all parts, in hex: a key. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** Nothing is read or made until it is used. Keys are digests in hex. */
export function openCacheFolder(folder: string): CacheFolder {
  return {
    async get(key, mostBytes) {
      try {
        const bytes = await readOwn(join(folder, `${key}.json`), mostBytes)
        const payload = bytes.subarray(checksumLength + 1)
        const checksum = bytes.toString('latin1', 0, checksumLength)
        if (bytes[checksumLength] !== newline || digestOf(payload) !== checksum) return undefined
        return payload.toString('utf8')
      } catch {
        // a cache without the entry: what it would have saved is done
        return undefined
      }
    },
    async put(key, payload) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await prune(folder)
        const path = join(folder, `${key}.json`)
        const draft = `${path}.${process.pid}.new`
        const bytes = Buffer.from(payload)
        const handle = await open(draft, 'wx', 0o600)
        try {
          await handle.writeFile(`${digestOf(bytes)}\n`)
          await handle.writeFile(bytes)
        } finally {
          await handle.close()
        }
        await rename(draft, path)
      } catch {
        // A cache that cannot be written is no reason to stop.
      }
    },
  }
}

/** A regular file that belongs to this user, that nobody else may read or write, and that is not larger than it may be. */
async function readOwn(path: string, mostBytes: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const stats = await handle.stat()
    const mine = process.getuid === undefined || stats.uid === process.getuid()
    if (!stats.isFile() || !mine || (stats.mode & 0o077) !== 0 || stats.size > mostBytes) {
      throw new Error('not an entry of this cache')
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Leaves room for one more: the oldest go, and drafts of runs that ended early. */
async function prune(folder: string): Promise<void> {
  const names = await readdir(folder)
  for (const name of names.filter(name => name.endsWith('.new'))) {
    // another run has removed it
    const stats = await stat(join(folder, name)).catch(() => undefined)
    if (stats && Date.now() - stats.mtimeMs > 3_600_000) await rm(join(folder, name), { force: true })
  }
  const entries = names.filter(name => /^[0-9a-f]{64}\.json$/.test(name))
  if (entries.length < mostEntries) return
  const dated = await Promise.all(
    entries.map(async name => ({
      name,
      at: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  )
  dated.sort((a, b) => a.at - b.at)
  for (const { name } of dated.slice(0, entries.length - mostEntries + 1))
    await rm(join(folder, name), { force: true })
}
