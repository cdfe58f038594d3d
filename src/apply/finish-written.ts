/** The last inch of an apply: a crash between the writing of the state and the removal of the journal. */

import type { FileSystem } from '../model/ports.js'
import { canonicalJson, type Json } from '../model/value.js'
import type { StateDocument } from '../state/document.js'
import { openActs } from './act-journal.js'
import { readCheckpoint, takeOutRestored } from './checkpoint.js'
import { type Folded, foldJournal } from './fold.js'
import { readJournal, resumeJournal } from './journal.js'

/**
 * Ends an apply whose state is written and whose journal is still there. The checkpoint is written before the state, so that
 * a state beyond the journal's base together with the journal's checkpoint says that only the journal had to go. Needs the
 * lock. True where it was so, or where nothing had been started; false where no journal is there, or one that has to be recovered.
 */
export async function finishWritten(
  files: FileSystem,
  folder: string,
  state: StateDocument | undefined,
): Promise<boolean> {
  const contents = await readJournal(files, folder)
  const open = contents?.records[0]
  if (!contents || open?.type !== 'open') return false
  if (!contents.records.some(record => record.type === 'plan')) {
    if (openActs(contents.records).length > 0) return false
    // Cut off within its first write, so that nothing was started, or after the end of its last act.
    await removeJournal(files, folder)
    return true
  }
  if (!state) return false
  if (state.lineage !== open.lineage || state.serial <= open.serial) return false
  const checkpoint = await readCheckpoint(files, folder, open.id)
  if (!checkpoint || checkpoint.after > state.serial) return false
  await takeOutRestored(files, folder, restoredTokens(foldJournal({}, contents.records)))
  await removeJournal(files, folder)
  return true
}

/** Removes a journal of which nothing is left to be done. Needs the lock. */
async function removeJournal(files: FileSystem, folder: string): Promise<void> {
  const resumed = await resumeJournal(files, folder)
  await resumed?.journal.remove()
}

/** What the creates among the steps brought back, and no delete has put aside again since. */
export function restoredTokens({
  done,
  kept,
}: Pick<Folded, 'kept'> & { readonly done: readonly Done[] }): Json[] {
  const still = new Set(kept.map(one => canonicalJson(one.token)))
  return done
    .flatMap(({ restore }) => (restore && restore.token !== null ? [restore.token] : []))
    .filter(token => !still.has(canonicalJson(token)))
}

interface Done {
  readonly restore?: { readonly token: Json | null }
}
