/**
 * Groups that were deleted while kept volumes are still in them. The folder has to stay for those; a mark in the monitors'
 * store says that the group itself is gone.
 */
import { type Ceph, monData, tell, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno } from '../client/error.js'
import { snapshotNames } from '../volumes/kept.js'
import { volumeNames, volumeState } from '../volumes/read.js'

const prefix = 'infra/deleted-group/'

const keyOf = (filesystem: string, group: string) => `${prefix}${filesystem}/${group}`

/** Marked groups, as `filesystem/group`. One call. */
export async function markedGroups(ceph: Ceph, options: CallOptions): Promise<ReadonlySet<string>> {
  const keys = await monData<string[]>(ceph, { prefix: 'config-key ls' }, options)
  return new Set(keys.filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length)))
}

export async function markGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  await tell(ceph, { prefix: 'config-key set', key: keyOf(filesystem, group), val: 'deleted' }, options)
}

export async function unmarkGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  await tell(ceph, { prefix: 'config-key rm', key: keyOf(filesystem, group) }, options)
}

/** How long the manager may take to purge what was discarded. */
const purgeSeconds = 60

/** Removes a marked group once the last kept volume in it is gone. */
export async function sweepGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  if (!(await markedGroups(ceph, options)).has(`${filesystem}/${group}`)) return
  if (!(await emptied(ceph, filesystem, group, options))) return
  try {
    const prefix = 'fs subvolumegroup rm'
    await tellMgr(ceph, { prefix, vol_name: filesystem, group_name: group }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
  await unmarkGroup(ceph, filesystem, group, options)
}

/**
 * Whether a group has no volumes. Those that are gone but for their purge are waited for; one that is live or has snapshots
 * is not.
 */
export async function emptied(
  ceph: Ceph,
  filesystem: string,
  group: string,
  options: CallOptions,
): Promise<boolean> {
  const until = ceph.clock.now() + purgeSeconds * 1000
  for (;;) {
    const names = await volumeNames(ceph, filesystem, group, options)
    if (names.length === 0) return true
    const places = names.map(volume => ({ filesystem, group, volume }))
    const purging = await Promise.all(
      places.map(async place => {
        const state = await volumeState(ceph, place, options)
        if (state.is === 'absent') return true
        return state.is === 'retained' && (await snapshotNames(ceph, place, options)).length === 0
      }),
    )
    if (!purging.every(Boolean) || ceph.clock.now() > until) return false
    await ceph.clock.sleep(300, options.signal)
  }
}
