/** A volume back to one of its snapshots. What it was is kept, so that the rollback can be undone. */
import { InfraError } from '../../../model/error.js'
import type { Random } from '../../../model/ports.js'
import type { Json } from '../../../model/value.js'
import type { Hazard } from '../../kind.js'
import type { Call } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { keptPrefix, ownerKey } from '../tags.js'
import { bringBack, describe, describedBy, retain, snapshotNames } from '../volumes/kept.js'
import type { Place } from '../volumes/place.js'
import { type VolumeJson, volumeMetadata, volumeState } from '../volumes/read.js'
import { noVolume, snapshotViews } from './volumes.js'

export interface RollbackPlan {
  readonly place: Place
  readonly snapshot: string
  /** The snapshot that what is there now goes to. */
  readonly keptAs: string
  /** Where it is mounted from now; another path afterwards. */
  readonly path?: string
  readonly hazards: readonly Hazard[]
  /** In words, in the order in which they happen. */
  readonly steps: readonly string[]
}

/** Begins the names of what rollbacks keep. */
const keptByRollback = `${keptPrefix}rollback`

/** The `id` for `planRollback`: that of a rollback of this volume that was cut off, or a new one. */
export async function rollbackId(
  ceph: Ceph,
  place: Place,
  random: Random,
  options: CallOptions,
): Promise<string> {
  const state = await volumeState(ceph, place, options)
  const views = state.is === 'retained' ? await snapshotViews(ceph, place, options) : []
  const last = views.at(-1)?.name
  if (last?.startsWith(keptByRollback)) return last.slice(keptPrefix.length)
  return `rollback${random.uuid().slice(0, 8)}`
}

/**
 * What a rollback would do; nothing is changed. `id` names what is kept: letters and digits, the same on a retry.
 * A rollback that was cut off is planned to its end.
 */
export async function planRollback(
  ceph: Ceph,
  place: Place,
  snapshot: string,
  id: string,
  options: CallOptions,
): Promise<RollbackPlan> {
  const state = await volumeState(ceph, place, options)
  if (state.is === 'cloning') throw atWork(place)
  const names = await snapshotNames(ceph, place, options)
  const keptAs = `${keptPrefix}${id}`
  const cutOff = state.is === 'retained' && names.includes(keptAs)
  if (state.is !== 'live' && !cutOff) throw noVolume(place)
  if (!names.includes(snapshot)) {
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-no-snapshot',
      message: `the volume ${place.volume} has no snapshot ${snapshot}`,
      hint: `It has: ${names.filter(name => !name.startsWith(keptPrefix)).join(', ') || 'none'}.`,
    })
  }
  return {
    place,
    snapshot,
    keptAs,
    ...(state.is === 'live' && { path: state.info.path }),
    hazards: ['interrupts-service'],
    steps: [
      ...(cutOff
        ? []
        : [
            `keep what is there now as the snapshot ${keptAs}`,
            'take the volume away, all but its snapshots',
          ]),
      `make it again from ${snapshot}`,
    ],
  }
}

function atWork({ volume }: Place): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-cloning',
    message: `the data of ${volume} is still being copied`,
    why: 'it is a clone, or a rollback of it was cut off',
    hint: '`infra volume show` tells when it is ready; then run the rollback again.',
  })
}

/** The token of what a rollback kept; what a provider's `discard` destroys. */
export function rollbackToken(plan: RollbackPlan): Json {
  const { filesystem, group, volume } = plan.place
  return { kind: 'CephVolume', filesystem, group: group ?? null, volume, snapshot: plan.keptAs }
}

/**
 * Rolls a volume back as planned; the data is copied by the manager and waited for. Its owner's tag stays. To undo it, roll
 * back to `plan.keptAs`. Clients have to mount it anew: returns the path from now on.
 */
export async function rollbackVolume(ceph: Ceph, plan: RollbackPlan, call: Call): Promise<{ path: string }> {
  const options = { signal: call.signal }
  const { place, snapshot, keptAs } = plan
  const before = await volumeState(ceph, place, options)
  if (before.is === 'live') {
    const names = await snapshotNames(ceph, place, options)
    await describeAgain(ceph, place, before.info, names, options)
    await call.keep(rollbackToken(plan))
    await retain(ceph, place, keptAs, names, options)
  }
  await bringBack(ceph, place, snapshot, keptAs, call)
  const after = await volumeState(ceph, place, options)
  if (after.is === 'live') return { path: after.info.path }
  throw new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `the manager reported ${place.volume} as cloned from ${snapshot}, but it is ${after.is}`,
    hint: `What it was is kept in its snapshot ${keptAs}: run the rollback again.`,
  })
}

/** What is noted on a volume is on what the last rollback kept, where that was cut off once the manager had begun to copy. */
async function describeAgain(
  ceph: Ceph,
  place: Place,
  { type }: VolumeJson,
  names: readonly string[],
  options: CallOptions,
): Promise<void> {
  if (type !== 'clone' || !names.some(name => name.startsWith(keptByRollback))) return
  const known = await volumeMetadata(ceph, place, options)
  if (known[ownerKey] !== undefined) return
  const views = await snapshotViews(ceph, place, options)
  const last = views.findLast(view => view.name.startsWith(keptByRollback))?.name
  const noted = last === undefined ? {} : await describedBy(ceph, place, last, options)
  // The tag comes last: without it, what there is may be a part
  if (noted[ownerKey] !== undefined || Object.keys(known).length === 0)
    await describe(ceph, place, noted, options)
}
