/** Pools: the verbs of CephPool. */
import type { Target, Unmanaged } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { Handler } from '../handler.js'
import { keptPrefix } from '../tags.js'
import { listPools, observePools, poolTag } from './read.js'
import { deletePool, discardPool } from './remove.js'
import { createPool, updatePool } from './write.js'

export const pools: Handler = {
  observe: observePools,
  create: createPool,
  update: updatePool,
  delete: deletePool,
  discard: discardPool,
  unmanaged,
}

async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const known = new Set(targets.map(target => target.name))
  const found = await listPools(ceph, { signal })
  return (
    found
      .filter(pool => !known.has(pool.pool_name) && poolTag(pool) === undefined)
      // What Ceph makes for itself, and what infra keeps
      .filter(
        pool =>
          !pool.pool_name.startsWith(keptPrefix) && !/^(\.|device_health_metrics$)/.test(pool.pool_name),
      )
      .map(pool => ({
        kind: 'CephPool',
        name: pool.pool_name,
        identity: { id: String(pool.pool_id) },
        place: `in the cluster ${ceph.connection.fsid}`,
      }))
  )
}
