/** File systems: the verbs of CephFilesystem. */
import type { Target, Unmanaged } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { Handler } from '../handler.js'
import { listPools } from '../pools/read.js'
import { filesystemKey, observeFilesystems, readFilesystems } from './read.js'
import { deleteFilesystem, discardFilesystem } from './remove.js'
import { createFilesystem, updateFilesystem } from './write.js'

export const filesystems: Handler = {
  observe: observeFilesystems,
  create: createFilesystem,
  update: updateFilesystem,
  delete: deleteFilesystem,
  discard: discardFilesystem,
  unmanaged,
}

async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const known = new Set(targets.map(target => target.name))
  const [map, pools] = await Promise.all([readFilesystems(ceph, { signal }), listPools(ceph, { signal })])
  const tagged = new Set(
    pools.filter(pool => pool.application_metadata.cephfs?.[filesystemKey]).map(pool => pool.pool_id),
  )
  return map.filesystems
    .filter(fs => !known.has(fs.mdsmap.fs_name) && !tagged.has(fs.mdsmap.metadata_pool))
    .map(fs => ({
      kind: 'CephFilesystem',
      name: fs.mdsmap.fs_name,
      identity: { id: String(fs.id) },
      place: `in the cluster ${ceph.connection.fsid}`,
    }))
}
