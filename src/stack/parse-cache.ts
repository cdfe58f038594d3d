/**
 * Keeps the parsed documents of a file between runs, under the digest of its content, where the stack as a whole may not be
 * kept (kept-stack.ts): the full parser needs a second for a megabyte. It holds documents as they are written, before any
 * variable, so that nothing is in it that is not in the file.
 */
import type { Json } from '../model/value.js'
import { digestOf, openCacheFolder } from './cache-folder.js'
import type { SourceFile } from './documents.js'
import type { ParsedDocument } from './problems.js'

/** Changes whenever the parser gives another value for the same text. */
const format = 1
/** Smaller files are parsed sooner than an entry is looked up. */
export const leastBytes = 64 * 1024

type Row = readonly [from: number, to: number, fromLine: number, line: number, references: 0 | 1, value: Json]

export interface ParseCache {
  get(file: SourceFile, bytes: Uint8Array): Promise<ParsedDocument[] | undefined>
  put(bytes: Uint8Array, documents: readonly ParsedDocument[]): Promise<void>
}

/** A cache in a folder of its own. `version` is the tool's: another version reads anew. */
export function openParseCache(folder: string, version: string): ParseCache {
  const cache = openCacheFolder(folder)
  const keyOf = (bytes: Uint8Array): string => digestOf(`infra-documents ${format} ${version}\n`, bytes)
  return {
    async get(file, bytes) {
      if (bytes.length < leastBytes) return undefined
      const payload = await cache.get(keyOf(bytes), bytes.length * 4 + 65_536)
      if (payload === undefined) return undefined
      try {
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
        // what cannot be read is parsed again
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
      await cache.put(keyOf(bytes), JSON.stringify(rows))
    },
  }
}
