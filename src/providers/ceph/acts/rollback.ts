/** A volume back to one of its snapshots. What it was is kept, so that the rollback can be undone. */
import { InfraError } from '../../../model/error.js'
import type { Random } from '../../../model/ports.js'
import type { Json } from '../../../model/value.js'
import type { Hazard } from '../../kind.js'
import type { Call } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { keptPrefix } from '../tags.js'
import { bringBack, retain, snapshotNames } from '../volumes/kept.js'
import type { Place } from '../volumes/place.js'
import { volumeState } from '../volumes/read.js'
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
    await call.keep(rollbackToken(plan))
    await retain(ceph, place, keptAs, options)
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
