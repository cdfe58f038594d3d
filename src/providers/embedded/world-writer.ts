/** Writes the embedded world's file: changes that come while a write is under way share the next write and sync. */
import { InfraError, messageOf } from '../../model/error.js'
import type { AppendFile, FileSystem } from '../../model/ports.js'
import type { WorldObject } from './world.js'
import { encodeChange, type WorldChange } from './world-line.js'

export interface WorldWriter {
  /** Returns once the change would survive a loss of power, or fails, and then nothing of it is there. */
  append(change: WorldChange): Promise<void>
  close(): Promise<void>
}

export interface WorldFile {
  /** Bytes of the file that hold whole lines. */
  readonly length: number
  /** What the file is to hold instead before anything is added: it has a torn end, or too many lines. */
  readonly rewrite?: () => readonly WorldObject[]
  /** Hears of each change that became durable. */
  readonly written: (change: WorldChange) => void
}

export function worldWriter(
  files: FileSystem,
  folder: string,
  path: string,
  { length, rewrite, written }: WorldFile,
): WorldWriter {
  let file: AppendFile | undefined
  let synced = length
  let torn = false
  let buffered: WorldChange[] = []
  let next: Promise<void> | undefined
  let last: Promise<void> = Promise.resolve()

  const open = async (): Promise<AppendFile> => {
    if (file) return file
    await files.makeFolder(folder)
    if (rewrite) {
      const text = Buffer.from(
        rewrite()
          .map(put => encodeChange({ put }, 0))
          .join(''),
      )
      await files.replace(path, text, 0o600)
      synced = text.length
    }
    file = await files.append(path)
    return file
  }

  const flush = async () => {
    const changes = buffered
    buffered = []
    next = undefined
    try {
      await write(changes)
    } catch (cause) {
      throw unwritable(path, cause)
    }
  }

  const write = async (changes: readonly WorldChange[]) => {
    const opened = await open()
    if (torn) await opened.truncate(synced)
    torn = true
    const bytes = Buffer.from(changes.map(change => encodeChange(change, synced)).join(''))
    await opened.append(bytes)
    await opened.sync()
    torn = false
    synced += bytes.length
    for (const change of changes) written(change)
  }

  return {
    append(change) {
      buffered.push(change)
      if (!next) {
        next = last.then(flush)
        last = next.catch(ignoreHere)
      }
      return next
    },
    async close() {
      await last
      if (torn) await file?.truncate(synced).catch(ignoreHere)
      await file?.close()
    },
  }
}

/** A failed write is reported to those who waited for it; the next write must still be tried. */
function ignoreHere(): void {}

function unwritable(path: string, cause: unknown): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'world-unwritable',
    message: `the embedded world cannot be written to ${path}`,
    why: messageOf(cause),
    cause,
  })
}
