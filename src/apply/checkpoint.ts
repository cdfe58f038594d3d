/** Checkpoints: the points a stack can be put back to. */
import type { Json } from '../model/value.js'
import type { FileSystem } from '../model/ports.js'
import type { InfraError } from '../model/error.js'
import type { StateDocument } from '../state/document.js'
import type { Checkpoint } from './record.js'

export interface CheckpointList {
  /** Oldest first. */
  readonly checkpoints: readonly Checkpoint[]
  readonly broken: readonly InfraError[]
}

export declare function writeCheckpoint(files: FileSystem, folder: string, checkpoint: Checkpoint): Promise<void>
export declare function readCheckpoint(files: FileSystem, folder: string, id: string): Promise<Checkpoint | undefined>
export declare function listCheckpoints(files: FileSystem, folder: string): Promise<CheckpointList>
export declare function removeCheckpoint(files: FileSystem, folder: string, id: string): Promise<void>
/** The state as it was before the checkpoint's apply: patches put back, newest first. */
export declare function stateBefore(
  current: StateDocument,
  checkpoints: readonly Checkpoint[],
  id: string,
): StateDocument
/** Takes tokens out of all checkpoints: what they kept is back in use. */
export declare function takeOutRestored(files: FileSystem, folder: string, tokens: readonly Json[]): Promise<void>
