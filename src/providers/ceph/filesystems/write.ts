/** Making file systems and bringing them to what is declared. */

import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, CreateRequest, Target, UpdateRequest } from '../../provider.js'
import { type Ceph, inLanes, tell, tellMgr } from '../ask.js'
import type { CallOptions, CephCommand } from '../client/connection.js'
import { observeOne } from '../handler.js'
import { text, texts } from '../kinds/values.js'
import { needs } from '../offered.js'
import { listPools, type PoolJson } from '../pools/read.js'
import { lost, mayFinish } from '../refuse.js'
import { ownerTag } from '../tags.js'
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
  } else if (request.restore !== undefined) await restore(ceph, request, request.restore, options)
  else await make(ceph, request, declared, options)
  await bring(ceph, request, ownerTag(request.owner, request.identity), options)
  if ((await awaitReady(ceph, request, call)) && request.restore !== undefined)
    await awaitAnswer(ceph, request.name, call)
}

export async function updateFilesystem(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  await bring(ceph, request, ownerTag(request.owner, request.identity), { signal: call.signal })
}

async function make(ceph: Ceph, request: Target, declared: boolean, options: CallOptions): Promise<void> {
  const { name, spec } = request
  if (!declared) {
    const placement = text(spec.placement)
    await tellMgr(ceph, { prefix: 'fs volume create', name, ...(placement && { placement }) }, options)
    return
  }
  const [data = ''] = texts(spec.dataPools)
  const metadata = text(spec.metadataPool) ?? ''
  await tell(ceph, { prefix: 'fs new', fs_name: name, metadata, data }, options)
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
  if (found?.application_metadata.cephfs?.[filesystemKey] === value) return []
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

/** Makes the file system again over its kept pools. Run again after a crash, it goes on. */
async function restore(ceph: Ceph, request: CreateRequest, token: Json, options: CallOptions): Promise<void> {
  needs(ceph.connection, 'fs new', 'recover', 'bringing a file system back')
  const kept = keptFilesystem(token)
  const pools = await listPools(ceph, options)
  const names = new Map<number, string>()
  for (const id of [kept.metadataPool, ...kept.dataPools]) {
    const pool = pools.find(one => one.pool_id === id)
    if (!pool) throw lost(request, `its pool ${id} is gone`)
    names.set(id, await giveBack(ceph, pool, kept.ownPools[String(id)], options))
  }
  const fs_name = request.name
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
  await tell(ceph, command, options)
  for (const id of kept.dataPools.slice(1)) {
    await tell(ceph, { prefix: 'fs add_data_pool', fs_name, pool: pool(id) }, options)
  }
  const map = await readFilesystems(ceph, options)
  const fs = findFilesystem(map, fs_name)
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
