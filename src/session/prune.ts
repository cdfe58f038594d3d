/** Pruning checkpoints: what was kept for a rollback is destroyed for good. */
import { checkpointNamed, removeCheckpoint } from '../apply/checkpoint.js'
import type { Checkpoint, Kept } from '../apply/record.js'
import { InfraError, messageOf } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import type { Provider } from '../providers/provider.js'

export interface PruneChoice {
  /** Keep the newest so many. */
  readonly keep?: number
  /** Prune what is older than this wall-clock time, in milliseconds since 1970. */
  readonly before?: number
  /** Prune this checkpoint and all that are older. */
  readonly upTo?: string
}

/**
 * The checkpoints to prune, oldest first. Always a beginning of the list: a checkpoint can be reached only through the newer
 * ones, so that one in the middle cannot go alone.
 */
export function checkpointsToPrune(
  checkpoints: readonly Checkpoint[],
  choice: PruneChoice,
): readonly Checkpoint[] {
  const { keep, before, upTo } = choice
  if (upTo !== undefined) {
    return checkpoints.slice(0, checkpoints.indexOf(checkpointNamed(checkpoints, upTo)) + 1)
  }
  if (before !== undefined) {
    const index = checkpoints.findIndex(one => one.at >= before)
    return index < 0 ? checkpoints : checkpoints.slice(0, index)
  }
  return checkpoints.slice(0, Math.max(0, checkpoints.length - (keep ?? 0)))
}

/**
 * Destroys what the checkpoints kept, then removes them, oldest first. Cut off anywhere, it can be run again: what is gone
 * already is no error. Fails where something cannot be destroyed, with its checkpoint still there.
 */
export async function pruneCheckpoints(
  checkpoints: readonly Checkpoint[],
  providers: ReadonlyMap<string, Provider>,
  files: FileSystem,
  stateFolder: string,
  signal: AbortSignal,
): Promise<void> {
  for (const checkpoint of checkpoints) {
    await discardAll(checkpoint.kept, kept => discard(kept, providers, signal))
    await removeCheckpoint(files, stateFolder, checkpoint.id)
  }
}

/** All at once. What one of the others holds, as a clone does its parent, is tried again once some of them are gone. */
async function discardAll(all: readonly Kept[], discardOne: (kept: Kept) => Promise<void>): Promise<void> {
  for (let left = all; left.length > 0; ) {
    const ends = await Promise.allSettled(left.map(discardOne))
    const failed = left.filter((_, index) => ends[index]?.status === 'rejected')
    const first = ends.find(end => end.status === 'rejected')
    if (first && failed.length === left.length) throw first.reason
    left = failed
  }
}

async function discard(
  kept: Kept,
  providers: ReadonlyMap<string, Provider>,
  signal: AbortSignal,
): Promise<void> {
  const provider = providers.get(kept.connection)
  if (!provider) {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-connection',
      address: kept.address,
      message: `what was kept of it cannot be destroyed: the stack has no connection ${kept.connection} any more`,
      hint: `Add spec.providers.${kept.connection} to the Stack document again, prune, and take it out.`,
    })
  }
  try {
    if (!provider.discard) throw new Error(`${provider.description} destroys nothing`)
    await provider.discard(kept.token, signal)
  } catch (error) {
    if (error instanceof InfraError) throw error.address === undefined ? error.at(kept.address) : error
    throw new InfraError({
      kind: 'operation',
      code: 'not-pruned',
      address: kept.address,
      message: `what was kept of it may still be there: ${signal.aborted ? 'it was given up half-way' : 'it could not be destroyed'}`,
      why: messageOf(error),
      hint: 'Prune again: its checkpoint is still there.',
      cause: error,
    })
  }
}
