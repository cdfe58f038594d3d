/** Acts on a machine's snapshots as a journal tells them. */
import { type Attributes, isObject } from '../../../model/value.js'
import type { MachineAct } from './journaled.js'
import type { SnapshotRequest } from './snapshot-create.js'

export interface SnapshotCreateAct extends MachineAct {
  readonly verb: 'snapshot-create'
  readonly request: SnapshotRequest
  /** Files of its overlays by device, none of which was there before; none of a snapshot inside the disks. */
  readonly overlays: Readonly<Record<string, string>>
}

export interface SnapshotDeleteAct extends MachineAct {
  readonly verb: 'snapshot-delete'
  readonly snapshot: string
}

export interface SnapshotRestoreAct extends MachineAct {
  readonly verb: 'snapshot-restore'
  readonly snapshot: string
  /** `begun`: nothing is lost yet. `losing`: what was written since goes. `there`: the disks are as they were then. */
  readonly stage: 'begun' | 'losing' | 'there'
  /** Whether it ran before. */
  readonly ran: boolean
  /** Whether it is to run afterwards; absent where the snapshot's memory says it. */
  readonly start?: boolean
}

export type SnapshotAct = SnapshotCreateAct | SnapshotDeleteAct | SnapshotRestoreAct

const stages: readonly unknown[] = ['begun', 'losing', 'there']

/** The act of a journal's record; undefined for what this version does not know. */
export function readSnapshotAct(what: Attributes): SnapshotAct | undefined {
  const { verb, snapshot, request, overlays, stage, ran } = what
  const whole =
    (verb === 'snapshot-create' &&
      isObject(request) &&
      typeof request.name === 'string' &&
      isObject(overlays) &&
      Object.values(overlays).every(path => typeof path === 'string')) ||
    (verb === 'snapshot-delete' && typeof snapshot === 'string') ||
    (verb === 'snapshot-restore' &&
      typeof snapshot === 'string' &&
      stages.includes(stage) &&
      typeof ran === 'boolean')
  return whole ? (what as unknown as SnapshotAct) : undefined
}
