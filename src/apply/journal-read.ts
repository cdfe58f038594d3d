/** Reading the journal that a cut-off apply left. */
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import { storageError } from '../state/storage-error.js'
import { decodeJournal } from './journal-line.js'
import type { JournalRecord } from './record.js'
import { isJournalRecord } from './record-shape.js'

export interface JournalContents {
  readonly records: readonly JournalRecord[]
  /** Bytes of a torn end that were left out: a write that never became durable. */
  readonly dropped: number
  /** Bytes of the file that hold the records. */
  readonly length: number
}

/** The journal at a path; undefined where there is none, or none of its records became durable: nothing was started then. */
export async function readJournalAt(files: FileSystem, path: string): Promise<JournalContents | undefined> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await files.read(path)
  } catch (error) {
    throw storageError(error, { message: `the journal ${path} cannot be read` })
  }
  if (!bytes) return undefined
  const { records, length } = decodeJournal(bytes, path)
  const [first] = records
  if (first === undefined) return undefined
  if (!records.every(isJournalRecord) || records[0]?.type !== 'open') throw unknownJournal(path)
  return { records, dropped: bytes.length - length, length }
}

function unknownJournal(path: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'journal-newer',
    message: `the journal ${path} was written by another version of infra`,
    why: 'it holds what this version does not write',
    hint: 'Run `infra recover` with the version that was applying.',
  })
}
