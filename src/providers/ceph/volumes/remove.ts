/** Deleting volumes: a snapshot of them is retained, and destroyed when what was kept is discarded. */
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, DeleteRequest } from '../../provider.js'
import { type Ceph, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno } from '../client/error.js'
import { sweepGroup } from '../groups/kept.js'
import type { Token } from '../handler.js'
import { needs } from '../offered.js'
import { checkSame, held } from '../refuse.js'
import { keptPrefix, ownerKey, readTag } from '../tags.js'
import { dropClone } from './clone.js'
import { isEmpty } from './empty.js'
import { retain, snapshotNames, wholeState } from './kept.js'
import { about, inGroup, type Place, placeOf } from './place.js'
import { canBeKept, type VolumeJson, volumeMetadata } from './read.js'

interface KeptVolume {
  readonly kind: string
  readonly filesystem: string
  readonly group: string | null
  readonly volume: string
  readonly snapshot: string
  /** The volume's own, where it goes back to a snapshot that somebody took: that one does not hold it, and stays. */
  readonly metadata?: Readonly<Record<string, string>>
}

export const keptVolume = (token: Json) => token as unknown as KeptVolume

export async function deleteVolume(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  needs(ceph.connection, 'fs subvolume rm', 'retain_snapshots', 'a delete that can be undone')
  const place = placeOf(request)
  const state = await wholeState(ceph, place, options)
  if (state.is === 'absent' || state.is === 'retained' || state.is === 'torn') return
  if (state.is === 'cloning') return cancel(ceph, place, options)
  // By its tag where it has one: a rollback to a snapshot gives a volume another path
  const { uuid } = readTag((await volumeMetadata(ceph, place, options))[ownerKey]).identity
  if (uuid !== undefined && request.identity?.uuid !== undefined) checkSame(request, { uuid }, 'uuid')
  else checkSame(request, { path: state.info.path }, 'path')
  const snapshots = await snapshotNames(ceph, place, options)
  const holders = snapshots.filter(name => !name.startsWith(keptPrefix)).map(name => `its snapshot ${name}`)
  if (holders.length > 0 && !comesBack(request, place))
    throw held(request, holders, 'Delete the snapshots first, or have the stack own them.')
  if (!canBeKept(state.info)) return removeOld(ceph, request, place, state.info, options)
  const snapshot = `${keptPrefix}${request.trash}`
  await call.keep({
    kind: request.kind,
    filesystem: place.filesystem,
    group: place.group ?? null,
    volume: place.volume,
    snapshot,
  })
  await retain(ceph, place, snapshot, snapshots, options)
}

/** Whether one of its own snapshots takes the volume's place: then all of them stay with it. */
function comesBack({ successor }: DeleteRequest, place: Place): boolean {
  if (successor === undefined) return false
  const { filesystem, group, volume } = keptVolume(successor)
  return filesystem === place.filesystem && (group ?? undefined) === place.group && volume === place.volume
}

/** Of a volume in an old format nothing can be kept: it goes only where it is empty. */
async function removeOld(
  ceph: Ceph,
  request: DeleteRequest,
  place: Place,
  info: VolumeJson,
  options: CallOptions,
): Promise<void> {
  if (await isEmpty(ceph, place, info, options))
    return tellMgr(ceph, about(place, 'fs subvolume rm'), options)
  throw new InfraError({
    kind: 'operation',
    code: 'ceph-cannot-keep',
    address: request.address,
    message: `${place.volume} is not deleted: its data could not be brought back`,
    why: 'it was made by an old Ceph, which cannot keep the snapshots of a deleted volume',
    hint: 'Empty it first, or clone it to a new volume and use that.',
  })
}

/** A clone that was never complete holds nothing of its own; what it was brought back from stays where it is. */
async function cancel(ceph: Ceph, place: Place, options: CallOptions): Promise<void> {
  const { filesystem, group, volume } = place
  const command = { prefix: 'fs clone cancel', vol_name: filesystem, clone_name: volume, ...inGroup(group) }
  await tellMgr(ceph, command, options)
  await dropClone(ceph, place, options)
}

/** Destroys what was retained; with its last snapshot the manager removes the volume. */
export async function discardVolume(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  const options = { signal }
  const { filesystem, group, volume, snapshot } = keptVolume(token)
  const place = { filesystem, group: group ?? undefined, volume }
  try {
    await tellMgr(
      ceph,
      about(place, 'fs subvolume snapshot rm', { snap_name: snapshot, force: true }),
      options,
    )
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
  if (group !== null) await sweepGroup(ceph, filesystem, group, options)
}
