/** Pools with what is in them. */
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import type { Owner } from '../../provider.js'
import { type Ceph, monData } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { type PoolJson, poolSpec, poolTag, readPools } from '../pools/read.js'
import { keptPrefix, readTag } from '../tags.js'

export interface PoolView {
  readonly name: string
  readonly id: number
  /** Attributes as a CephPool declares them. */
  readonly spec: Attributes
  readonly owner?: Owner
  /** Deleted, and kept until it is pruned. */
  readonly kept: boolean
  /** Bytes that were written to it. */
  readonly storedBytes: number
  /** Bytes that it takes on the OSDs, all copies. */
  readonly usedBytes: number
  /** Bytes that can still be written to it. */
  readonly availableBytes: number
  readonly objects: number
}

interface DfJson {
  readonly pools: readonly {
    readonly id: number
    readonly stats: {
      readonly stored: number
      readonly bytes_used: number
      readonly max_avail: number
      readonly objects: number
    }
  }[]
}

/** All pools, by name. */
export async function poolViews(ceph: Ceph, options: CallOptions): Promise<PoolView[]> {
  const [read, df] = await Promise.all([
    readPools(ceph, options),
    monData<DfJson>(ceph, { prefix: 'df' }, options),
  ])
  const stats = new Map(df.pools.map(pool => [pool.id, pool.stats]))
  const view = (pool: PoolJson): PoolView => {
    const { owner } = readTag(poolTag(pool))
    const used = stats.get(pool.pool_id)
    return {
      name: pool.pool_name,
      id: pool.pool_id,
      spec: poolSpec(pool, read, {}),
      ...(owner && { owner }),
      kept: pool.pool_name.startsWith(keptPrefix),
      storedBytes: used?.stored ?? 0,
      usedBytes: used?.bytes_used ?? 0,
      availableBytes: used?.max_avail ?? 0,
      objects: used?.objects ?? 0,
    }
  }
  return read.pools.map(view).sort((a, b) => (a.name < b.name ? -1 : 1))
}

export async function poolView(ceph: Ceph, name: string, options: CallOptions): Promise<PoolView> {
  const views = await poolViews(ceph, options)
  const found = views.find(view => view.name === name)
  if (found) return found
  throw new InfraError({
    kind: 'operation',
    code: 'ceph-no-pool',
    message: `there is no pool ${name}`,
    hint: `There are: ${views.map(view => view.name).join(', ') || 'none'}.`,
  })
}
