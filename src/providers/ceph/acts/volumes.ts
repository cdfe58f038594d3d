/** Volumes with what is in them. */
import { InfraError } from '../../../model/error.js'
import type { Owner } from '../../provider.js'
import { type Ceph, mgrData } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { orAbsent } from '../client/error.js'
import { activeServers, readFilesystems } from '../filesystems/read.js'
import { isServed } from '../filesystems/served.js'
import { keptPrefix, ownerKey, readTag } from '../tags.js'
import { snapshotNames } from '../volumes/kept.js'
import { about, type Place } from '../volumes/place.js'
import { modeText, type VolumeState, volumeMetadata, volumeNames, volumeState } from '../volumes/read.js'

export interface VolumeView {
  readonly filesystem: string
  readonly group?: string
  readonly name: string
  /** `kept`: deleted, and kept until it is pruned. `broken`: a folder that is no volume. */
  readonly state: 'ready' | 'cloning' | 'kept' | 'broken'
  readonly path?: string
  /** Bytes, or without a limit. */
  readonly size?: number | 'infinite'
  readonly usedBytes?: number
  readonly mode?: string
  readonly uid?: number
  readonly gid?: number
  readonly dataPool?: string
  readonly owner?: Owner
}

export interface SnapshotView {
  readonly name: string
  /** As the manager writes it: `2026-11-21 08:46:35.683231`, its own time zone. */
  readonly createdAt: string
  readonly pendingClones: boolean
  /** Made by infra to undo a delete or a rollback. */
  readonly kept: boolean
}

export interface VolumeDetails extends VolumeView {
  readonly snapshots: readonly SnapshotView[]
  readonly metadata: Readonly<Record<string, string>>
  readonly monitors: readonly string[]
}

/** Volumes of all file systems, or of one, or of one group of it. By place. */
export async function volumeViews(
  ceph: Ceph,
  within: { readonly filesystem?: string; readonly group?: string },
  options: CallOptions,
): Promise<VolumeView[]> {
  const names = async (prefix: string, more: Readonly<Record<string, string>>) =>
    (await mgrData<{ name: string }[]>(ceph, { prefix, ...more }, options)).map(one => one.name)
  // The monitors know them; a manager that hangs would not say
  const map = await readFilesystems(ceph, options)
  if (within.filesystem !== undefined) isServed(map, within.filesystem)
  const served = map.filesystems.filter(fs => activeServers(fs) > 0).map(fs => fs.mdsmap.fs_name)
  const systems = within.filesystem === undefined ? served : [within.filesystem]
  const views = await Promise.all(
    systems.map(async filesystem => {
      const groups =
        within.group === undefined
          ? [undefined, ...(await names('fs subvolumegroup ls', { vol_name: filesystem }))]
          : [within.group]
      const found = await Promise.all(groups.map(group => inGroup(ceph, filesystem, group, options)))
      return found.flat()
    }),
  )
  return views.flat()
}

async function inGroup(ceph: Ceph, filesystem: string, group: string | undefined, options: CallOptions) {
  const names = await volumeNames(ceph, filesystem, group, options)
  const views = await Promise.all(
    names.sort().map(async volume => {
      const place = { filesystem, group, volume }
      const state = await volumeState(ceph, place, options)
      const metadata = state.is === 'live' ? await volumeMetadata(ceph, place, options) : {}
      return viewOf(place, state, metadata)
    }),
  )
  return views.filter(view => view !== undefined)
}

function viewOf(
  place: Place,
  state: VolumeState,
  metadata: Readonly<Record<string, string>>,
): VolumeView | undefined {
  const named = {
    filesystem: place.filesystem,
    ...(place.group !== undefined && { group: place.group }),
    name: place.volume,
  }
  if (state.is === 'absent') return undefined
  if (state.is === 'retained') return { ...named, state: 'kept' }
  if (state.is === 'torn') return { ...named, state: 'broken' }
  if (state.is === 'cloning') return { ...named, state: 'cloning' }
  const { owner } = readTag(metadata[ownerKey])
  const { path, bytes_quota, bytes_used, mode, uid, gid, data_pool } = state.info
  return {
    ...named,
    state: 'ready',
    path,
    size: bytes_quota,
    usedBytes: bytes_used,
    mode: modeText(mode),
    uid,
    gid,
    dataPool: data_pool,
    ...(owner && { owner }),
  }
}

export async function volumeDetails(ceph: Ceph, place: Place, options: CallOptions): Promise<VolumeDetails> {
  const state = await volumeState(ceph, place, options)
  const metadata = state.is === 'live' ? await volumeMetadata(ceph, place, options) : {}
  const view = viewOf(place, state, metadata)
  if (!view) throw noVolume(place)
  return {
    ...view,
    // Of one that is being cloned, or is none, the manager does not tell them
    snapshots: ['live', 'retained'].includes(state.is) ? await snapshotViews(ceph, place, options) : [],
    metadata,
    monitors: state.is === 'live' ? state.info.mon_addrs : [],
  }
}

interface SnapshotJson {
  readonly created_at: string
  readonly has_pending_clones: string
}

/** A volume's snapshots, the oldest first. */
export async function snapshotViews(ceph: Ceph, place: Place, options: CallOptions): Promise<SnapshotView[]> {
  const names = await snapshotNames(ceph, place, options)
  const views = await Promise.all(
    names.map(async name => {
      const command = about(place, 'fs subvolume snapshot info', { snap_name: name })
      const info = await orAbsent(mgrData<SnapshotJson>(ceph, command, options))
      if (!info) return undefined
      return {
        name,
        createdAt: info.created_at,
        pendingClones: info.has_pending_clones === 'yes',
        kept: name.startsWith(keptPrefix),
      }
    }),
  )
  return views.filter(view => view !== undefined).sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
}

export function noVolume(place: Place): InfraError {
  const where = [place.filesystem, place.group].filter(part => part !== undefined).join('/')
  return new InfraError({
    kind: 'operation',
    code: 'ceph-no-volume',
    message: `there is no volume ${place.volume} in ${where}`,
    hint: '`infra volume list` shows what there is.',
  })
}
