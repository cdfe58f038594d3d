/** An edit of the state by hand, written with a checkpoint that undoes it. */
import type { Ports } from '../model/ports.js'
import type { StateDocument } from '../state/document.js'
import { changedRecords, fold } from '../state/fold.js'
import type { Store } from '../state/store.js'
import { writeCheckpoint } from './checkpoint.js'

/** Writes the edited records and outputs as the next state. Needs the lock; nothing real is touched. */
export async function writeEdit(
  { files, random, clock }: Ports,
  folder: string,
  store: Store,
  state: StateDocument,
  edited: Pick<StateDocument, 'resources' | 'outputs'>,
  command: string,
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
    summary: 'state edited',
    back,
    kept: [],
  })
  await store.write(document)
  return document
}
