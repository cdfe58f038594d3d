/** Monitors and a manager with pools and file systems, as far as Ceph 16 was seen to answer, whose commands can be cut off. */
import type { Json } from '../../../src/model/value.js'
import type { Ceph } from '../../../src/providers/ceph/ask.js'
import type { CephCommand } from '../../../src/providers/ceph/client/connection.js'
import { cutWire, fail, type Reads, type Writes } from './cut-wire.js'

interface Pool {
  readonly id: number
  name: string
  readonly apps: Record<string, Record<string, string>>
  readonly flags: Set<string>
  content: string
}

interface Filesystem {
  readonly id: number
  readonly metadata: number
  readonly data: number[]
  joinable: boolean
}

export function fakeCluster() {
  const pools: Pool[] = []
  const systems = new Map<string, Filesystem>()
  let ids = 0

  const find = (name: Json | undefined) => pools.find(pool => pool.name === name)
  const poolOf = (prefix: string, name: Json | undefined) => find(name) ?? fail(prefix, 2)
  const makePool = (name: Json | undefined) => {
    if (!find(name)) pools.push({ id: ++ids, name: String(name), apps: {}, flags: new Set(), content: '' })
  }
  const systemOf = (prefix: string, name: Json | undefined) => systems.get(String(name)) ?? fail(prefix, 2)

  const makeSystem = (command: CephCommand) => {
    const { prefix, fs_name, metadata, data, recover, fscid } = command
    if (systems.has(String(fs_name))) return
    const own = [poolOf(prefix, metadata), poolOf(prefix, data)]
    // What is in the other one is not looked at
    if (own[0]?.content !== '' && !recover) fail(prefix, 22, 'already contains some objects')
    for (const pool of own) pool.apps.cephfs ??= {}
    if (own[0]?.content === '') own[0].content = 'its folders'
    const [metadataPool, dataPool] = own.map(pool => pool.id)
    const made = { id: Number(fscid ?? ++ids), metadata: metadataPool ?? 0, data: [dataPool ?? 0] }
    systems.set(String(fs_name), { ...made, joinable: !recover })
  }

  const reads: Reads = {
    'fs dump': () => ({
      standbys: [],
      filesystems: [...systems].map(([fs_name, fs]) => ({
        id: fs.id,
        mdsmap: {
          ...{ fs_name, flags: fs.joinable ? 0 : 1, max_mds: 1, max_file_size: 1 },
          ...{ standby_count_wanted: 0, metadata_pool: fs.metadata, data_pools: fs.data },
          info: fs.joinable ? { a: { state: 'up:active', rank: 0 } } : {},
        },
      })),
    }),
    'osd pool ls': () =>
      pools.map(({ id, name, apps, flags }) => ({
        ...{ pool_id: id, pool_name: name, type: 1, size: 1, min_size: 1, crush_rule: 0, pg_num: 8 },
        ...{ flags_names: [...flags].join(','), pg_autoscale_mode: 'on', quota_max_bytes: 0 },
        ...{ quota_max_objects: 0, erasure_code_profile: '', options: {}, application_metadata: apps },
      })),
    'osd crush rule dump': () => [],
    df: () => ({
      pools: pools.map(({ id, content }) => ({ id, stats: { objects: content === '' ? 0 : 1 } })),
    }),
    'mon dump': () => ({ mons: [] }),
    'fs ls': () => [],
    'fs volume info': () => ({ pending_subvolume_deletions: 0 }),
    'fs subvolume ls': () => [],
    'fs subvolumegroup ls': () => [],
  }

  const writes: Writes = {
    'osd pool create': ({ pool }) => makePool(pool),
    'osd pool rename': ({ prefix, srcpool, destpool }) => {
      const found = find(srcpool)
      if (found) found.name = String(destpool)
      else if (!find(destpool)) fail(prefix, 2)
    },
    'osd pool set': ({ prefix, pool, var: flag, val }) => {
      const { flags } = poolOf(prefix, pool)
      if (val === 'true') flags.add(String(flag))
      else flags.delete(String(flag))
    },
    'osd pool application enable': ({ prefix, pool, app }) => {
      poolOf(prefix, pool).apps[String(app)] ??= {}
    },
    'osd pool application disable': ({ prefix, pool, app }) => {
      delete poolOf(prefix, pool).apps[String(app)]
    },
    'osd pool application set': ({ prefix, pool, app, key, value }) => {
      const values = poolOf(prefix, pool).apps[String(app)] ?? fail(prefix, 2)
      values[String(key)] = String(value)
    },
    'osd pool application rm': ({ prefix, pool, app, key }) => {
      delete poolOf(prefix, pool).apps[String(app)]?.[String(key)]
    },
    'osd pool set-quota': () => {},
    'fs new': makeSystem,
    'fs fail': ({ prefix, fs_name }) => {
      systemOf(prefix, fs_name).joinable = false
    },
    'fs rm': ({ fs_name }) => void systems.delete(String(fs_name)),
    'fs set': ({ prefix, fs_name, var: name, val }) => {
      if (name === 'joinable') systemOf(prefix, fs_name).joinable = val === 'true'
    },
    'fs add_data_pool': ({ prefix, fs_name, pool }) => {
      systemOf(prefix, fs_name).data.push(poolOf(prefix, pool).id)
    },
    'fs volume create': ({ prefix, name }) => {
      const [metadata, data] = [`cephfs.${name}.meta`, `cephfs.${name}.data`]
      makePool(metadata)
      makePool(data)
      try {
        makeSystem({ prefix, fs_name: String(name), metadata, data })
      } catch (thrown) {
        // It takes the pools for those that it has just made, and cleans up
        for (const pool of [find(metadata), find(data)]) if (pool) pools.splice(pools.indexOf(pool), 1)
        throw thrown
      }
    },
  }

  const { ask, clock, ...wire } = cutWire(reads, writes)
  return {
    ceph: { connection: { mon: ask, mgr: ask, offers: () => true }, clock } as unknown as Ceph,
    pools,
    systems,
    ...wire,
  }
}
