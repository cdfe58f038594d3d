/** File systems as they are. */
import type { Observation, Target } from '../../provider.js'
import { type Ceph, monData, monitors } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import type { Seen } from '../handler.js'
import { present } from '../kinds/values.js'
import { listPools, type PoolJson } from '../pools/read.js'
import { readTag } from '../tags.js'

/** In the metadata pool's application `cephfs`: who owns the file system. Pools have a tag of their own. */
export const filesystemKey = 'infra.filesystem'

/** Bit of an MDS map's flags, from Ceph's mdsmap: standbys follow the journal. */
const standbyReplayFlag = 32
/** Bit of an MDS map's flags: no metadata server may join. */
const notJoinableFlag = 1

export interface FilesystemJson {
  readonly id: number
  readonly mdsmap: {
    readonly fs_name: string
    readonly flags: number
    readonly max_mds: number
    readonly max_file_size: number
    readonly standby_count_wanted: number
    readonly metadata_pool: number
    readonly data_pools: readonly number[]
    readonly info: Readonly<Record<string, { readonly state: string; readonly rank: number }>>
  }
}

export interface FilesystemMap {
  readonly standbys: readonly unknown[]
  readonly filesystems: readonly FilesystemJson[]
}

export function readFilesystems(ceph: Ceph, options: CallOptions): Promise<FilesystemMap> {
  return monData(ceph, { prefix: 'fs dump' }, options)
}

export function findFilesystem(map: FilesystemMap, name: string): FilesystemJson | undefined {
  return map.filesystems.find(fs => fs.mdsmap.fs_name === name)
}

/** How many of its metadata servers are at work. */
export function activeServers(fs: FilesystemJson): number {
  return Object.values(fs.mdsmap.info).filter(server => server.state === 'up:active').length
}

export function joinable(fs: FilesystemJson): boolean {
  return (fs.mdsmap.flags & notJoinableFlag) === 0
}

/** Three calls, however many there are. */
export async function observeFilesystems(
  ceph: Ceph,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Seen> {
  const options = { signal }
  const [map, pools, addresses] = await Promise.all([
    readFilesystems(ceph, options),
    listPools(ceph, options),
    monitors(ceph, options),
  ])
  const byId = new Map(pools.map(pool => [pool.pool_id, pool]))
  const seen: Seen = new Map()
  for (const target of targets) {
    const fs = findFilesystem(map, target.name)
    seen.set(target.address, fs ? seenFilesystem(fs, byId, addresses) : { status: 'absent' })
  }
  return seen
}

function seenFilesystem(
  fs: FilesystemJson,
  pools: ReadonlyMap<number, PoolJson>,
  addresses: readonly string[],
): Observation {
  const { mdsmap } = fs
  const metadata = pools.get(mdsmap.metadata_pool)
  const dataPools = mdsmap.data_pools.map(id => pools.get(id)?.pool_name ?? String(id))
  const { owner, identity } = readTag(metadata?.application_metadata.cephfs?.[filesystemKey])
  const active = activeServers(fs)
  const remark = !joinable(fs)
    ? 'it is failed: no metadata server may join'
    : active === 0
      ? 'no metadata server serves it'
      : undefined
  return {
    status: 'present',
    identity: { ...identity, id: String(fs.id) },
    ...(owner && { owner }),
    spec: present({
      metadataPool: metadata?.pool_name,
      dataPools,
      maxMds: mdsmap.max_mds,
      standbyReplay: (mdsmap.flags & standbyReplayFlag) !== 0,
      standbyCount: mdsmap.standby_count_wanted,
      maxFileSize: mdsmap.max_file_size,
    }),
    facts: present({
      id: fs.id,
      name: mdsmap.fs_name,
      metadataPool: metadata?.pool_name,
      dataPools,
      monitors: [...addresses],
    }),
    ...(remark !== undefined && { remark }),
  }
}
