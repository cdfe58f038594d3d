/** A move of a machine to another host as a journal tells it. */
import { type Attributes, isObject } from '../../../model/value.js'
import { type ActJournal, areVolumes, type VolumeName } from './journaled.js'
import type { Left } from './move-definition.js'

/** What was asked of the move, as far as it is to be gone on with. */
export interface MoveChoice {
  readonly pool?: string
  readonly peerUri?: string
  readonly migrateUri?: string
  readonly bandwidthMiB?: number
  readonly timeoutSeconds?: number
}

export interface MoveAct {
  readonly verb: 'migrate'
  readonly name: string
  readonly uuid: string
  /** Address in its owner's tag; absent of a machine that has none. */
  readonly owner?: string
  /** Connections to the two hosts. */
  readonly from: string
  readonly to: string
  /** Moved as it runs; otherwise copied, switched off. */
  readonly live: boolean
  /** Whether it ran before, and is to run again. */
  readonly running: boolean
  /** Volumes that the move makes on the other host; none of them was there before. */
  readonly made: readonly VolumeName[]
  /** What is its own on the first host, and goes once it has left. */
  readonly left: Left
  /** Folder of the copy on its way. */
  readonly scratch?: string
  readonly choice: MoveChoice
}

/** Without a stack there is no journal: the mark in the machine is all that tells of a move then. */
export type MoveJournal = ActJournal<MoveAct>

/** The move of a journal's record; undefined for what this version does not know. */
export function moveAct(what: Attributes): MoveAct | undefined {
  const whole =
    what.verb === 'migrate' &&
    ['name', 'uuid', 'from', 'to'].every(field => typeof what[field] === 'string') &&
    [what.live, what.running].every(one => typeof one === 'boolean') &&
    areVolumes(what.made) &&
    isObject(what.left) &&
    areVolumes(what.left.volumes) &&
    isObject(what.choice)
  return whole ? (what as unknown as MoveAct) : undefined
}
