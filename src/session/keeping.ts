/** What a session writes into the state beside applies, and what it throws away of what was kept. */
import { listCheckpoints } from '../apply/checkpoint.js'
import type { Checkpoint, Kept } from '../apply/record.js'
import { writeEdit } from '../apply/write-edit.js'
import type { StateDocument } from '../state/document.js'
import { firstState } from './base-state.js'
import type { SessionCore } from './core.js'
import { checkpointsToPrune, type PruneChoice, pruneCheckpoints } from './prune.js'

export async function pruneChosen(
  core: SessionCore,
  choice: PruneChoice,
  tell: (checkpoints: readonly Checkpoint[]) => Promise<boolean>,
): Promise<boolean> {
  const { ports, signal } = core.input
  const { checkpoints } = await listCheckpoints(ports.files, core.stateFolder)
  const chosen = checkpointsToPrune(checkpoints, choice)
  if (!(await tell(chosen))) return false
  const used = chosen.flatMap(checkpoint => checkpoint.kept.map(kept => kept.connection))
  const { providers } = await core.connect(used)
  await pruneCheckpoints(chosen, providers, ports.files, core.stateFolder, signal)
  return true
}

export async function editStateOf(
  core: SessionCore,
  command: string,
  edit: (state: StateDocument) => StateDocument,
): Promise<void> {
  const state = core.needState()
  const { input, stateFolder, store } = core
  core.state = await writeEdit(input.ports, stateFolder, store, state, edit(state), command)
}

export async function keepAsideOf(
  core: SessionCore,
  command: string,
  summary: string,
  kept: readonly Kept[],
): Promise<void> {
  const { stack, stateFolder, store } = core
  const { ports } = core.input
  const state = core.state ?? (await firstState(stack.name, store, ports.random))
  core.state = await writeEdit(ports, stateFolder, store, state, state, command, { summary, kept })
}
