/** Making file systems and bringing them to what is declared. */

import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, CreateRequest, Target, UpdateRequest } from '../../provider.js'
import { type Ceph, inLanes, monData, tell, tellMgr } from '../ask.js'
import type { CallOptions, CephCommand } from '../client/connection.js'
import { observeOne } from '../handler.js'
import { text, texts } from '../kinds/values.js'
import { needs } from '../offered.js'
import { listPools, type PoolJson } from '../pools/read.js'
import { exists, lost, mayFinish } from '../refuse.js'
import { nameBefore, ownerTag } from '../tags.js'
import { awaitAnswer } from './manager.js'
import {
  activeServers,
  filesystemKey,
  findFilesystem,
  joinable,
  observeFilesystems,
  readFilesystems,
} from './read.js'
import { keptFilesystem } from './remove.js'

/** How long a new file system may take until a metadata server serves it. */
const readySeconds = 60

export async function createFilesystem(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const found = await observeOne({ observe: observeFilesystems }, ceph, request, call.signal)
  const declared = text(request.spec.metadataPool) !== undefined
  if (found.status === 'present') {
    mayFinish(found, request, request.restore === undefined && declared ? ['metadataPool'] : [])
  }
  if (request.restore !== undefined) await restore(ceph, request, request.restore, options)
  else if (found.status !== 'present') await make(ceph, request, declared, options)
  await bring(ceph, request, ownerTag(request.owner, request.identity), options)
  if ((await awaitReady(ceph, request, call)) && request.restore !== undefined)
    await awaitAnswer(ceph, request.name, call)
}

export async function updateFilesystem(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const tag = ownerTag(request.owner, request.identity)
  // An update without a change, of one that is infra's: its delete was cut off, and it is to stay
  if (request.changes.length === 0 && (await takeBack(ceph, request.name, tag, options)))
    await awaitReady(ceph, request, call)
  await bring(ceph, request, tag, options)
}

/** Undoes what a delete does before the file system is gone. Whether there was anything to undo. */
async function takeBack(ceph: Ceph, name: string, tag: string, options: CallOptions): Promise<boolean> {
  const [map, pools] = await Promise.all([readFilesystems(ceph, options), listPools(ceph, options)])
  const fs = findFilesystem(map, name)
  if (!fs) return false
  const { metadata_pool, data_pools } = fs.mdsmap
  const own = pools.filter(pool => pool.pool_id === metadata_pool || data_pools.includes(pool.pool_id))
  if (!own.some(pool => tagOf(pool) === tag)) return false
  await Promise.all(own.map(pool => giveBack(ceph, pool, nameBefore(pool.pool_name), options)))
  if (joinable(fs)) return false
  await tell(ceph, { prefix: 'fs set', fs_name: name, var: 'joinable', val: 'true' }, options)
  return true
}

const tagOf = (pool: PoolJson | undefined) => pool?.application_metadata.cephfs?.[filesystemKey]

async function make(ceph: Ceph, request: Target, declared: boolean, options: CallOptions): Promise<void> {
  const { name, spec } = request
  if (!declared) {
    const placement = text(spec.placement)
    await overRemains(ceph, request, options)
    await tellMgr(ceph, { prefix: 'fs volume create', name, ...(placement && { placement }) }, options)
    return
  }
  const [data = ''] = texts(spec.dataPools)
  const metadata = text(spec.metadataPool) ?? ''
  await tell(ceph, { prefix: 'fs new', fs_name: name, metadata, data }, options)
}

/**
 * Makes the file system itself where a pool is there that the manager would make for it: one that it had begun with. Fails
 * where it is somebody's. The manager would take any for its own: where the monitors refuse one with something in it, it
 * destroys both.
 */
async function overRemains(ceph: Ceph, request: Target, options: CallOptions): Promise<void> {
  const { name } = request
  const [metadata, data] = [`cephfs.${name}.meta`, `cephfs.${name}.data`]
  const there = (await listPools(ceph, options)).filter(pool => [metadata, data].includes(pool.pool_name))
  if (there.length === 0) return
  const { pools } = await monData<Usage>(ceph, { prefix: 'df' }, options)
  for (const { pool_name, pool_id, application_metadata } of there) {
    const [use] = Object.keys(application_metadata)
    const objects = pools.find(pool => pool.id === pool_id)?.stats.objects ?? 0
    if (use !== undefined) throw exists(request, `its pool ${pool_name} is there, for ${use}`)
    if (objects > 0)
      throw exists(request, `its pool ${pool_name} is there, and is not empty (objects: ${objects})`)
  }
  const missing = [metadata, data].filter(name => !there.some(pool => pool.pool_name === name))
  for (const pool of missing) await tell(ceph, { prefix: 'osd pool create', pool }, options)
  await tell(ceph, { prefix: 'fs new', fs_name: name, metadata, data }, options)
}

interface Usage {
  readonly pools: readonly { readonly id: number; readonly stats: { readonly objects: number } }[]
}

/** Sets what differs from what is declared, and the tag. What is not declared stays as it is. */
async function bring(ceph: Ceph, target: Target, tag: string, options: CallOptions): Promise<void> {
  const fs_name = target.name
  const [found, pools] = await Promise.all([
    observeOne({ observe: observeFilesystems }, ceph, target, options.signal),
    listPools(ceph, options),
  ])
  if (found.status !== 'present') {
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-gone',
      message: `the file system ${fs_name} has gone`,
    })
  }
  const { spec } = target
  const differing = (field: string, variable: string): CephCommand[] =>
    spec[field] === undefined || spec[field] === found.spec[field]
      ? []
      : [{ prefix: 'fs set', fs_name, var: variable, val: String(spec[field]) }]
  const added = texts(spec.dataPools).filter(pool => !texts(found.spec.dataPools).includes(pool))
  const lanes = [
    // One after another: their order is the order in the file system
    added.map(pool => ({ prefix: 'fs add_data_pool', fs_name, pool })),
    differing('maxMds', 'max_mds'),
    differing('standbyReplay', 'allow_standby_replay'),
    differing('standbyCount', 'standby_count_wanted'),
    differing('maxFileSize', 'max_file_size'),
    tagged(pools, text(found.spec.metadataPool) ?? '', tag),
  ]
  await inLanes(ceph, lanes, options)
}

function tagged(pools: readonly PoolJson[], pool: string, value: string): CephCommand[] {
  const found = pools.find(one => one.pool_name === pool)
  if (tagOf(found) === value) return []
  return [{ prefix: 'osd pool application set', pool, app: 'cephfs', key: filesystemKey, value }]
}

/**
 * Waits until a metadata server serves it, and tells whether one does; where there is one that could: one at work for it, or a standby. Without any, it is
 * there all the same, and what is observed says so.
 */
async function awaitReady(ceph: Ceph, request: Target, call: Call): Promise<boolean> {
  const until = ceph.clock.now() + readySeconds * 1000
  for (let told = false; ; told = true) {
    const map = await readFilesystems(ceph, { signal: call.signal })
    const fs = findFilesystem(map, request.name)
    if (!fs || activeServers(fs) > 0) return fs !== undefined
    const hope = map.standbys.length > 0 || Object.keys(fs.mdsmap.info).length > 0
    // A standby takes a moment to come back where its file system has just gone
    if (ceph.clock.now() > (hope ? until : until - readySeconds * 500)) return false
    if (!told) call.progress('waiting for a metadata server')
    await ceph.clock.sleep(200, call.signal)
  }
}

/** Makes the file system again over its kept pools. Run again after a crash, also one of its delete, it goes on. */
async function restore(ceph: Ceph, request: CreateRequest, token: Json, options: CallOptions): Promise<void> {
  needs(ceph.connection, 'fs new', 'recover', 'bringing a file system back')
  const kept = keptFilesystem(token)
  const fs_name = request.name
  const find = async () => findFilesystem(await readFilesystems(ceph, options), fs_name)
  const there = await find()
  if (there && there.id !== kept.id) throw exists(request, `its id is ${there.id} and should be ${kept.id}`)
  const pools = await listPools(ceph, options)
  const names = new Map<number, string>()
  for (const id of [kept.metadataPool, ...kept.dataPools]) {
    const pool = pools.find(one => one.pool_id === id)
    if (!pool) throw lost(request, `its pool ${id} is gone`)
    names.set(id, await giveBack(ceph, pool, kept.ownPools[String(id)], options))
  }
  const pool = (id: number | undefined) => names.get(id ?? -1) ?? ''
  const command = {
    prefix: 'fs new',
    fs_name,
    metadata: pool(kept.metadataPool),
    data: pool(kept.dataPools[0]),
    force: true,
    fscid: kept.id,
    recover: true,
  }
  if (!there) await tell(ceph, command, options)
  const fs = await find()
  for (const id of kept.dataPools.filter(id => !fs?.mdsmap.data_pools.includes(id))) {
    await tell(ceph, { prefix: 'fs add_data_pool', fs_name, pool: pool(id) }, options)
  }
  if (fs && !joinable(fs))
    await tell(ceph, { prefix: 'fs set', fs_name, var: 'joinable', val: 'true' }, options)
}

/** Gives a pool that was made with the file system its name back; any other has the name it has. */
async function giveBack(
  ceph: Ceph,
  pool: PoolJson,
  own: string | undefined,
  options: CallOptions,
): Promise<string> {
  if (own === undefined || own === pool.pool_name) return pool.pool_name
  await tell(ceph, { prefix: 'osd pool set', pool: pool.pool_name, var: 'nodelete', val: 'false' }, options)
  await tell(ceph, { prefix: 'osd pool rename', srcpool: pool.pool_name, destpool: own }, options)
  return own
}
