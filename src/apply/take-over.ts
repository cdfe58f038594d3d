/** What whoever takes a state's lock does first: the last inch of what was cut off before is gone. */
import type { FileSystem } from '../model/ports.js'
import type { StateDocument } from '../state/document.js'
import type { Store } from '../state/store.js'
import { listCheckpoints, removeCheckpoint } from './checkpoint.js'
import { finishWritten } from './finish-written.js'
import { readJournal } from './journal.js'

/**
 * Reads the state, ends an apply of which only the journal was left, and removes checkpoints of edits whose state was never
 * written: their way back begins nowhere. Needs the lock. A journal that is still there afterwards is to be recovered.
 */
export async function takeOver(
  files: FileSystem,
  folder: string,
  store: Store,
): Promise<StateDocument | undefined> {
  const state = await store.read()
  await finishWritten(files, folder, state)
  if (await readJournal(files, folder)) return state
  const { checkpoints } = await listCheckpoints(files, folder)
  const unreached = checkpoints.filter(checkpoint => checkpoint.after > (state?.serial ?? 0))
  for (const { id } of unreached) await removeCheckpoint(files, folder, id)
  return state
}
