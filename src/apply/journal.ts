/** The journal file: what an apply intends and did, durable before it matters. */
import type { FileSystem } from '../model/ports.js'
import type { JournalRecord } from './record.js'

export interface Journal {
  /** Returns once the records would survive a loss of power. Callers at the same time share one write and one sync. */
  appendDurably(records: readonly JournalRecord[]): Promise<void>
  /** Keeps the record's place; it becomes durable with the next durable one. */
  appendSoon(record: JournalRecord): void
  /** Gives the room held back for outcomes to whoever writes next: the state, the checkpoint. */
  releaseReserve(): Promise<void>
  /** Closes the file and leaves it: the apply is open until somebody settles it. */
  close(): Promise<void>
  /** Closes the file and removes it: the apply is settled. */
  remove(): Promise<void>
}

export interface JournalContents {
  readonly records: readonly JournalRecord[]
  /** Bytes of a torn end that were left out: a write that never became durable. */
  readonly dropped: number
}

/** Starts a journal. Fails with `journal-open` where an earlier apply was cut off. */
export declare function openJournal(files: FileSystem, folder: string): Promise<Journal>
/** Goes on with the journal of an apply that was cut off. Undefined where there is none. */
export declare function resumeJournal(
  files: FileSystem,
  folder: string,
): Promise<{ readonly journal: Journal; readonly contents: JournalContents } | undefined>
/** Reads the journal of an open apply; undefined where there is none. */
export declare function readJournal(files: FileSystem, folder: string): Promise<JournalContents | undefined>
