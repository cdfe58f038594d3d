/** What lies in the folder of a state. */
import { join } from 'node:path'

export interface StatePaths {
  readonly folder: string
  /** The state document. */
  readonly state: string
  /** Earlier state documents, `<serial>.json` each. */
  readonly generations: string
  /** Locked by the kernel; always empty, never removed. */
  readonly lock: string
  /** Who holds the lock, for people. */
  readonly holder: string
  readonly journal: string
  /** Room on the disk that is held back for the journal's outcomes. */
  readonly reserve: string
  /** Checkpoints, `<id>.json` each. */
  readonly checkpoints: string
}

/** Where everything of one state is. */
export function statePaths(folder: string): StatePaths {
  return {
    folder,
    state: join(folder, 'state.json'),
    generations: join(folder, 'generations'),
    lock: join(folder, 'lock'),
    holder: join(folder, 'lock.json'),
    journal: join(folder, 'journal.ndjson'),
    reserve: join(folder, 'journal.reserve'),
    checkpoints: join(folder, 'checkpoints'),
  }
}
