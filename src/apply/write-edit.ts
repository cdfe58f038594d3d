/** An edit of the state by hand, written with a checkpoint that undoes it. */
import type { Ports } from '../model/ports.js'
import type { StateDocument } from '../state/document.js'
import { changedRecords, fold } from '../state/fold.js'
import type { Store } from '../state/store.js'
import { writeCheckpoint } from './checkpoint.js'
import type { Kept } from './record.js'

/** Writes the edited records and outputs as the next state. Needs the lock; touches nothing real itself. */
export async function writeEdit(
  { files, random, clock }: Ports,
  folder: string,
  store: Store,
  state: StateDocument,
  edited: Pick<StateDocument, 'resources' | 'outputs'>,
  command: string,
  /** What was done to real systems beside it, and what that put aside: a prune destroys it. */
  act: { readonly summary: string; readonly kept: readonly Kept[] } = { summary: 'state edited', kept: [] },
): Promise<StateDocument> {
  const outcomes = changedRecords(state.resources, edited.resources)
  const { document, back } = fold(state, outcomes, { serial: state.serial + 1, outputs: edited.outputs })
  await writeCheckpoint(files, folder, {
    format: 1,
    id: random.uuid(),
    lineage: state.lineage,
    before: state.serial,
    after: document.serial,
    at: clock.now(),
    command,
    back,
    ...act,
  })
  await store.write(document)
  return document
}
