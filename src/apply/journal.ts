/** The journal file: what an apply intends and did, durable before it matters. */
import { basename } from 'node:path'
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import { type StatePaths, statePaths } from '../state/paths.js'
import { isDiskFull, storageError } from '../state/storage-error.js'
import { type JournalContents, readJournalAt } from './journal-read.js'
import { type Reserve, reserveAt } from './journal-reserve.js'
import { type Entry, journalWriter } from './journal-writer.js'
import type { JournalRecord } from './record.js'

export type { JournalContents } from './journal-read.js'

export interface Journal {
  /**
   * Returns once the records would survive a loss of power. Callers at the same time share one write and one sync. When the
   * disk is full, intents and plans of the way forward are refused with `disk-full`, and everything else is still written.
   */
  appendDurably(records: readonly JournalRecord[]): Promise<void>
  /** Keeps the record's place: written soon, so that it survives the process; durable with the next durable one. */
  appendSoon(record: JournalRecord): void
  /**
   * Makes all records durable, then gives the room held back for them to whoever writes next: the checkpoint, the state. What
   * ends an apply must not be durable before what it rests on is.
   */
  releaseReserve(): Promise<void>
  /** Closes the file and leaves it: the apply is open until somebody settles it. */
  close(): Promise<void>
  /** Closes the file and removes it: the apply is settled. */
  remove(): Promise<void>
}

export interface JournalOptions {
  /** Least bytes of room to hold back; 256 KiB by default. A plan takes three times its own size where that is more. */
  readonly reserve?: number
}

type Direction = 'forward' | 'back'

/** Records that something is started by. */
const beginning: ReadonlySet<JournalRecord['type']> = new Set(['open', 'plan', 'intent', 'act'])

const leastReserve = 1 << 18
/**
 * How much room a plan needs after it has begun, in sizes of its own line: the records of what was done, the plan of the way
 * back, and what the state grows by.
 */
const plansReserve = 3

/** Starts a journal. Fails with `journal-open` where an earlier apply was cut off, and with `disk-full` before anything is begun. */
export async function openJournal(
  files: FileSystem,
  folder: string,
  { reserve: least = leastReserve }: JournalOptions = {},
): Promise<Journal> {
  const paths = statePaths(folder)
  if (await readJournalAt(files, paths.journal)) throw openAlready(paths.journal)
  const reserve = reserveAt(files, paths.reserve)
  try {
    await files.makeFolder(folder)
    await reserve.release()
    await reserve.grow(least)
    return await journalAt(files, paths, { reserve, length: 0, direction: 'forward' })
  } catch (error) {
    await reserve.release()
    throw storageError(error, {
      message: `a journal cannot be started in ${folder}, so that nothing was begun`,
      hint: 'Then try again.',
    })
  }
}

/** Goes on with the journal of an apply that was cut off. Undefined where there is none. */
export async function resumeJournal(
  files: FileSystem,
  folder: string,
  { reserve: least = leastReserve }: JournalOptions = {},
): Promise<{ readonly journal: Journal; readonly contents: JournalContents } | undefined> {
  const paths = statePaths(folder)
  const contents = await readJournalAt(files, paths.journal)
  if (!contents) return undefined
  const reserve = reserveAt(files, paths.reserve)
  const direction = contents.records.findLast(record => record.type === 'plan')?.direction ?? 'forward'
  try {
    const kept = (await files.list(folder)).includes(basename(paths.reserve))
    // On a full disk, going on without room held back is better than not going on.
    if (!kept)
      await reserve
        .grow(least)
        .catch(error => (isDiskFull(error) ? reserve.release() : Promise.reject(error)))
    return {
      journal: await journalAt(files, paths, { reserve, length: contents.length, direction }),
      contents,
    }
  } catch (error) {
    throw storageError(error, { message: `the journal in ${folder} cannot be gone on with` })
  }
}

/** Reads the journal of an open apply; undefined where there is none. */
export function readJournal(files: FileSystem, folder: string): Promise<JournalContents | undefined> {
  return readJournalAt(files, statePaths(folder).journal)
}

async function journalAt(
  files: FileSystem,
  paths: StatePaths,
  start: { readonly reserve: Reserve; readonly length: number; readonly direction: Direction },
): Promise<Journal> {
  const { reserve, length } = start
  const file = await files.append(paths.journal)
  try {
    await file.truncate(length)
    await file.sync()
  } catch (error) {
    await file.close()
    throw error
  }
  const writer = journalWriter({ path: paths.journal, file, reserve, length })
  let direction = start.direction
  let closed: Promise<void> | undefined

  const entryOf = (records: readonly JournalRecord[]): Entry => {
    let essential = true
    let room = 0
    const lines = records.map(record => {
      const line = JSON.stringify(record)
      if (record.type === 'plan') direction = record.direction
      const begins = beginning.has(record.type)
      if (begins && direction === 'forward') essential = false
      if (record.type === 'plan' && direction === 'forward') room = line.length * plansReserve
      return line
    })
    return { lines, essential, reserve: room }
  }
  const close = () => {
    closed ??= writer.idle().then(() => file.close())
    return closed
  }

  const appendDurably = (records: readonly JournalRecord[]) =>
    new Promise<void>((resolve, reject) => writer.add({ ...entryOf(records), done: { resolve, reject } }))

  return {
    appendDurably,
    appendSoon: record => writer.add(entryOf([record])),
    async releaseReserve() {
      await appendDurably([])
      await reserve.release()
    },
    close,
    async remove() {
      try {
        await close()
        await files.remove(paths.journal)
        // What comes later, such as a prune, must not outlive a journal that a loss of power brings back.
        await files.syncFolder(paths.folder)
      } catch (error) {
        throw storageError(error, {
          message: `the journal ${paths.journal} cannot be removed; the state is written`,
          hint: 'The next apply removes it.',
        })
      }
      await reserve.release()
    },
  }
}

function openAlready(path: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'journal-open',
    message: 'an earlier apply was cut off and is still open',
    why: `its journal is ${path}`,
    hint: '`infra recover --forward` completes it, `infra recover --back` undoes it.',
  })
}
