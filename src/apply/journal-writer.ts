/**
 * Writes the journal's lines. Whoever appends while a write is under way goes into the next one, so that many steps share
 * one sync. When the disk is full, what would start something new is refused, and what tells how things stand is written
 * into the room of the reserve.
 */
import type { AppendFile } from '../model/ports.js'
import { isDiskFull, storageError } from '../state/storage-error.js'
import { encodeLine } from './journal-line.js'
import type { Reserve } from './journal-reserve.js'

/** Lines of one caller: all of them are written, or none. */
export interface Entry {
  readonly lines: readonly string[]
  /** Whether it tells of what has happened already, so that it may use the reserve. */
  readonly essential: boolean
  /** Room to hold back before the lines are written. */
  readonly reserve: number
  /** Of those who wait until it is durable. */
  readonly done?: { readonly resolve: () => void; readonly reject: (error: Error) => void }
}

export interface JournalWriter {
  add(entry: Entry): void
  /** Resolves when nothing is being written any more. */
  idle(): Promise<void>
}

export interface WriterInput {
  readonly path: string
  readonly file: AppendFile
  readonly reserve: Reserve
  /** Bytes that the file holds, all durable. */
  readonly length: number
}

/**
 * A writer at the end of an open journal: entries that wait are written and synced together. Where the disk is full, the
 * reserve is given back first.
 */
export function journalWriter({ path, file, reserve, length }: WriterInput): JournalWriter {
  let queue: Entry[] = []
  let running: Promise<void> | undefined
  /** Bytes known to be durable. */
  let synced = length
  /** Written after them: to be written again should the sync fail for want of room. */
  let unsynced: Entry[] = []
  let written = length
  let full: Error | undefined
  let broken: Error | undefined

  const put = async (entries: readonly Entry[]) => {
    if (entries.length === 0) return
    const bytes = Buffer.concat(entries.flatMap(entry => entry.lines.map(line => encodeLine(line, synced))))
    await file.append(bytes)
    written += bytes.length
    unsynced.push(...entries)
    if (!entries.some(entry => entry.done)) return
    await file.sync()
    synced = written
    unsynced = []
  }

  /** Writes what must be written into the room that was held back, in the place of what did not fit. */
  const putIntoReserve = async (entries: readonly Entry[]) => {
    await file.truncate(synced)
    written = synced
    const again = [...new Set([...unsynced, ...entries])]
    unsynced = []
    await reserve.release()
    await put(again.filter(entry => entry.essential))
  }

  const flush = async (batch: readonly Entry[]) => {
    const welcome = full ? batch.filter(entry => entry.essential) : batch
    if (full) refuse(batch, full)
    try {
      await reserve.grow(Math.max(0, ...welcome.map(entry => entry.reserve)))
      await put(welcome)
    } catch (error) {
      if (!isDiskFull(error)) throw error
      full = storageError(error, {
        message: `the journal ${path} cannot be written, so that nothing more is started`,
        hint: 'What has happened so far is recorded.',
      })
      refuse(welcome, full)
      await putIntoReserve(welcome.filter(entry => entry.essential))
    }
    for (const entry of welcome) entry.done?.resolve()
  }

  const run = async () => {
    while (queue.length > 0) {
      // Lets all that is appended in this turn share the write.
      await Promise.resolve()
      const batch = queue
      queue = []
      try {
        if (broken) throw broken
        await flush(batch)
      } catch (error) {
        broken = storageError(error, {
          message: `the journal ${path} cannot be written`,
          hint: '`infra recover` finds out how far things went.',
        })
        for (const entry of batch) entry.done?.reject(broken)
      }
    }
    running = undefined
  }

  return {
    add(entry) {
      queue.push(entry)
      running ??= run()
    },
    idle: async () => running,
  }
}

/** Refuses what is not essential. A promise that was refused stays so, whatever is called on it later. */
function refuse(entries: readonly Entry[], error: Error): void {
  for (const entry of entries) if (!entry.essential) entry.done?.reject(error)
}
