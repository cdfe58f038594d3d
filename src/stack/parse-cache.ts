/**
 * Keeps the parsed documents of a file between runs, under the digest of its content: parsing is the largest fixed cost of a
 * big stack. It holds documents as they are written, before any variable, so that nothing is in it that is not in the file.
 * An entry that is broken, foreign or open to others is ignored.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../model/value.js'
import type { SourceFile } from './documents.js'
import type { ParsedDocument } from './problems.js'

/** Changes whenever the parser gives another value for the same text. */
const format = 1
/** Smaller files are parsed sooner than an entry is looked up. */
const leastBytes = 64 * 1024
const mostEntries = 64

type Row = readonly [from: number, to: number, fromLine: number, line: number, references: 0 | 1, value: Json]

export interface ParseCache {
  get(file: SourceFile, bytes: Uint8Array): Promise<ParsedDocument[] | undefined>
  put(bytes: Uint8Array, documents: readonly ParsedDocument[]): Promise<void>
}

function digest(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** A cache in a folder of its own. `version` is the tool's: another version reads anew. */
export function openParseCache(folder: string, version: string): ParseCache {
  const pathOf = (bytes: Uint8Array): string =>
    join(folder, `${digest(`infra-documents ${format} ${version}\n`, bytes)}.json`)
  return {
    async get(file, bytes) {
      if (bytes.length < leastBytes) return undefined
      try {
        const text = await readOwn(pathOf(bytes), bytes.length)
        const end = text.indexOf('\n')
        const payload = text.slice(end + 1)
        if (end !== 64 || digest(payload) !== text.slice(0, end)) return undefined
        const rows = JSON.parse(payload) as readonly Row[]
        return rows.map(([from, to, fromLine, line, references, value]) => ({
          file,
          from,
          to,
          fromLine,
          line,
          value,
          references: references === 1,
        }))
      } catch {
        return undefined
      }
    },
    async put(bytes, documents) {
      if (bytes.length < leastBytes) return
      const rows: Row[] = documents.map(({ from, to, fromLine, line, references, value }) => [
        from,
        to,
        fromLine,
        line,
        references ? 1 : 0,
        value,
      ])
      const payload = JSON.stringify(rows)
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await prune(folder)
        const path = pathOf(bytes)
        const draft = `${path}.${process.pid}.new`
        const handle = await open(draft, 'wx', 0o600)
        try {
          await handle.writeFile(`${digest(payload)}\n${payload}`)
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

/** A regular file that belongs to this user, that nobody else may write, of a size that fits its source. */
async function readOwn(path: string, sourceBytes: number): Promise<string> {
  const handle = await open(path, 'r')
  try {
    const stats = await handle.stat()
    const mine = process.getuid === undefined || stats.uid === process.getuid()
    if (!stats.isFile() || !mine || (stats.mode & 0o077) !== 0 || stats.size > sourceBytes * 4 + 65_536) {
      throw new Error('not an entry of this cache')
    }
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

/** Leaves room for one more: the oldest go, and drafts of runs that ended early. */
async function prune(folder: string): Promise<void> {
  const names = await readdir(folder)
  for (const name of names.filter(name => name.endsWith('.new'))) {
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
