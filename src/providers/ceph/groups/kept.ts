/**
 * Groups that were deleted while kept volumes are still in them. The folder has to stay for those; a mark in the monitors'
 * store says that the group itself is gone.
 */
import { type Ceph, mgrData, tell, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno, orAbsent } from '../client/error.js'

const prefix = 'infra/deleted-group/'

const keyOf = (filesystem: string, group: string) => `${prefix}${filesystem}/${group}`

/** Marked groups, as `filesystem/group`. One call. */
export async function markedGroups(ceph: Ceph, options: CallOptions): Promise<ReadonlySet<string>> {
  const answer = await ceph.connection.mon({ prefix: 'config-key ls' }, options)
  const keys = JSON.parse(answer.output) as string[]
  return new Set(keys.filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length)))
}

export async function markGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  await tell(ceph, { prefix: 'config-key set', key: keyOf(filesystem, group), val: 'deleted' }, options)
}

export async function unmarkGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  await tell(ceph, { prefix: 'config-key rm', key: keyOf(filesystem, group) }, options)
}

/** Removes a marked group once the last kept volume in it is gone. */
export async function sweepGroup(ceph: Ceph, filesystem: string, group: string, options: CallOptions) {
  if (!(await markedGroups(ceph, options)).has(`${filesystem}/${group}`)) return
  const at = { vol_name: filesystem, group_name: group }
  const names = await orAbsent(mgrData<unknown[]>(ceph, { prefix: 'fs subvolume ls', ...at }, options))
  if (names !== undefined && names.length > 0) return
  try {
    if (names !== undefined) await tellMgr(ceph, { prefix: 'fs subvolumegroup rm', ...at }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
  await unmarkGroup(ceph, filesystem, group, options)
}
