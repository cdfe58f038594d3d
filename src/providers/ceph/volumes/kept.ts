/** Taking a volume away all but a snapshot of it, and putting a snapshot in its place. */
import type { Call } from '../../provider.js'
import { type Ceph, mgrData, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { orAbsent } from '../client/error.js'
import { ownerKey } from '../tags.js'
import { cloneVolume } from './clone.js'
import { about, type Place } from './place.js'
import { type VolumeState, volumeMetadata, volumeState } from './read.js'

/** Names of a volume's snapshots; none where there is no such volume. */
export async function snapshotNames(ceph: Ceph, place: Place, options: CallOptions): Promise<string[]> {
  const command = about(place, 'fs subvolume snapshot ls')
  const found = (await orAbsent(mgrData<{ name: string }[]>(ceph, command, options))) ?? []
  return found.map(snapshot => snapshot.name)
}

/**
 * Takes a volume away, all but a snapshot of it, which gets the volume's metadata: Ceph would forget that. One of that name
 * that is there is of a try that was cut off. It is taken anew, which Ceph would not do: what was written since is not in it.
 */
export async function retain(
  ceph: Ceph,
  place: Place,
  snapshot: string,
  there: readonly string[],
  options: CallOptions,
): Promise<void> {
  const metadata = await volumeMetadata(ceph, place, options)
  if (there.includes(snapshot))
    await tellMgr(ceph, about(place, 'fs subvolume snapshot rm', { snap_name: snapshot }), options)
  await tellMgr(ceph, about(place, 'fs subvolume snapshot create', { snap_name: snapshot }), options)
  const prefix = 'fs subvolume snapshot metadata set'
  if (ceph.connection.offers(prefix)) {
    for (const [key_name, value] of Object.entries(metadata)) {
      await tellMgr(ceph, about(place, prefix, { snap_name: snapshot, key_name, value }), options)
    }
  }
  await tellMgr(ceph, about(place, 'fs subvolume rm', { retain_snapshots: true }), options)
}

/** What `retain` wrote to a snapshot: the metadata that the volume had. Of a volume that is retained, Ceph tells none. */
export async function describedBy(
  ceph: Ceph,
  place: Place,
  snapshot: string,
  options: CallOptions,
): Promise<Readonly<Record<string, string>>> {
  const prefix = 'fs subvolume snapshot metadata ls'
  if (!ceph.connection.offers(prefix)) return {}
  const command = about(place, prefix, { snap_name: snapshot })
  return (await orAbsent(mgrData<Record<string, string>>(ceph, command, options))) ?? {}
}

/** Makes a retained volume again from one of its snapshots, with this metadata, or with what `retain` wrote to that snapshot. */
export async function bringBack(
  ceph: Ceph,
  place: Place,
  snapshot: string,
  described: string | Readonly<Record<string, string>>,
  call: Call,
): Promise<void> {
  await cloneVolume(ceph, { ...place, snapshot }, place, undefined, call)
  await describe(ceph, place, described, { signal: call.signal })
}

/** Gives a volume this metadata, or what `retain` wrote to that snapshot; its tag last, which says that it has all of it. */
export async function describe(
  ceph: Ceph,
  place: Place,
  described: string | Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<void> {
  const prefix = 'fs subvolume metadata set'
  if (!ceph.connection.offers(prefix)) return
  const metadata =
    typeof described === 'string' ? await describedBy(ceph, place, described, options) : described
  const { [ownerKey]: tag, ...rest } = metadata
  for (const [key_name, value] of Object.entries({
    ...rest,
    ...(tag !== undefined && { [ownerKey]: tag }),
  })) {
    await tellMgr(ceph, about(place, prefix, { key_name, value }), options)
  }
}

/**
 * A volume's state, where a folder that is no volume is first made one: only then can be told whether it holds data. Nothing
 * in it is touched by that.
 */
export async function wholeState(ceph: Ceph, place: Place, options: CallOptions): Promise<VolumeState> {
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'torn') return state
  await tellMgr(ceph, about(place, 'fs subvolume create'), options)
  return volumeState(ceph, place, options)
}
