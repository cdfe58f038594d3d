/** Deleting file systems: their pools stay, and are destroyed when what was kept is discarded. */
import type { Json } from '../../../model/value.js'
import type { Call, DeleteRequest } from '../../provider.js'
import { type Ceph, mgrData, tell } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { orAbsent } from '../client/error.js'
import type { Token } from '../handler.js'
import { text } from '../kinds/values.js'
import { listPools, type PoolJson } from '../pools/read.js'
import { discardPool } from '../pools/remove.js'
import { checkSame, held } from '../refuse.js'
import { keptName, nameBefore } from '../tags.js'
import { volumeNames, volumeState } from '../volumes/read.js'
import { awaitAnswer, awaitQuiet } from './manager.js'
import { activeServers, type FilesystemJson, findFilesystem, readFilesystems } from './read.js'

interface KeptFilesystem {
  readonly kind: 'CephFilesystem'
  readonly id: number
  readonly name: string
  readonly metadataPool: number
  readonly dataPools: readonly number[]
  /** Pools that were made with it: number → name. They are renamed, and destroyed with it. */
  readonly ownPools: Readonly<Record<string, string>>
  readonly prefix: string
}

export const keptFilesystem = (token: Json) => token as unknown as KeptFilesystem

export async function deleteFilesystem(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const [map, pools] = await Promise.all([readFilesystems(ceph, options), listPools(ceph, options)])
  const fs = findFilesystem(map, request.name)
  if (!fs) return
  checkSame(request, { id: String(fs.id) }, 'id')
  const holders = await volumesIn(ceph, fs, options)
  if (holders.length > 0) throw held(request, holders, 'Delete them first, or have the stack own them.')
  const { metadata_pool, data_pools } = fs.mdsmap
  const declared = text(request.spec.metadataPool) !== undefined
  const ownPools = declared
    ? {}
    : Object.fromEntries(
        pools
          .filter(pool => pool.pool_id === metadata_pool || data_pools.includes(pool.pool_id))
          // One that was cut off may have renamed them
          .map(pool => [String(pool.pool_id), nameBefore(pool.pool_name)]),
      )
  await call.keep({
    kind: 'CephFilesystem',
    id: fs.id,
    name: request.name,
    metadataPool: metadata_pool,
    dataPools: data_pools,
    ownPools,
    prefix: keptName(request.trash, ''),
  })
  if (activeServers(fs) > 0) await awaitQuiet(ceph, request.name, call)
  await tell(ceph, { prefix: 'fs fail', fs_name: request.name }, options)
  // Before the file system goes: once it is gone, nobody comes back for what is left to do
  await Promise.all(
    pools
      .filter(pool => pool.pool_id in ownPools)
      .map(pool => keepOwn(ceph, pool, keptName(request.trash, nameBefore(pool.pool_name)), options)),
  )
  await tell(ceph, { prefix: 'fs rm', fs_name: request.name, yes_i_really_mean_it: true }, options)
  await awaitAnswer(ceph, request.name, call)
}

async function keepOwn(
  ceph: Ceph,
  { pool_name }: PoolJson,
  destpool: string,
  options: CallOptions,
): Promise<void> {
  if (pool_name !== destpool)
    await tell(ceph, { prefix: 'osd pool rename', srcpool: pool_name, destpool }, options)
  await tell(ceph, { prefix: 'osd pool set', pool: destpool, var: 'nodelete', val: 'true' }, options)
}

/** Volumes in it, of all groups; those that are only kept do not count. Nobody can tell where no server is at work. */
async function volumesIn(ceph: Ceph, fs: FilesystemJson, options: CallOptions): Promise<string[]> {
  if (activeServers(fs) === 0) return []
  const filesystem = fs.mdsmap.fs_name
  const command = { prefix: 'fs subvolumegroup ls', vol_name: filesystem }
  const groups = (await orAbsent(mgrData<{ name: string }[]>(ceph, command, options))) ?? []
  const found = await Promise.all(
    [undefined, ...groups.map(group => group.name)].map(async group => {
      const names = await volumeNames(ceph, filesystem, group, options)
      const states = await Promise.all(
        names.map(volume => volumeState(ceph, { filesystem, group, volume }, options)),
      )
      return names
        .filter((_, index) => states[index]?.is === 'live' || states[index]?.is === 'cloning')
        .map(name => `volume ${group === undefined ? '' : `${group}/`}${name}`)
    }),
  )
  return found.flat()
}

/**
 * Destroys the pools that were made with the file system, under the kept name or, where the delete was cut off, their own.
 * Declared ones are resources of their own.
 */
export async function discardFilesystem(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  const { ownPools, prefix } = keptFilesystem(token)
  const [map, pools] = await Promise.all([readFilesystems(ceph, { signal }), listPools(ceph, { signal })])
  const used = new Set(map.filesystems.flatMap(fs => [fs.mdsmap.metadata_pool, ...fs.mdsmap.data_pools]))
  for (const [key, name] of Object.entries(ownPools)) {
    const id = Number(key)
    const found = pools.find(pool => pool.pool_id === id)?.pool_name
    if (found === undefined || used.has(id) || ![name, `${prefix}${name}`].includes(found)) continue
    await discardPool(ceph, { kind: 'CephPool', id, name, keptAs: found }, signal)
  }
}
