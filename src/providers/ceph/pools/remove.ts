/** Deleting pools: they are renamed and guarded, and destroyed when what was kept is discarded. */

import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, DeleteRequest } from '../../provider.js'
import { type Ceph, monData, tell } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno } from '../client/error.js'
import type { Token } from '../handler.js'
import { allRead, readAll } from '../images/read.js'
import { checkSame, held } from '../refuse.js'
import { keptName } from '../tags.js'
import { flags, listPools, type PoolJson } from './read.js'

export interface KeptPool {
  readonly kind: 'CephPool'
  readonly id: number
  readonly name: string
  readonly keptAs: string
}

export const keptPool = (token: Json) => token as unknown as KeptPool

export async function deletePool(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const pools = await listPools(ceph, options)
  const pool = pools.find(one => one.pool_name === request.name)
  if (!pool) return
  checkSame(request, { id: String(pool.pool_id) }, 'id')
  if (flags(pool).includes('nodelete') && !isMarked(pool, request.trash)) {
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-nodelete',
      address: request.address,
      message: `pool ${request.name} is not deleted: its flag nodelete is set`,
      hint: 'Set `nodelete: false` and apply before deleting it.',
    })
  }
  const holders = await holdersOf(ceph, pool, pools, options)
  if (holders.length > 0) throw held(request, holders, 'Delete them first, or have the stack own them.')
  const { pool_name: name, pool_id: id } = pool
  const keptAs = keptName(request.trash, name)
  await call.keep({ kind: 'CephPool', id, name, keptAs } satisfies KeptPool)
  await markPool(ceph, pool, request.trash, options)
  await tell(ceph, { prefix: 'osd pool set', pool: name, var: 'nodelete', val: 'true' }, options)
  // Last: once it is not found under its name, nobody comes back for what is left to do
  await tell(ceph, { prefix: 'osd pool rename', srcpool: name, destpool: keptAs }, options)
}

/** In a pool's application: the delete that has set its nodelete, which is not in that one's way. */
const markKey = 'infra.deleting'

const isMarked = ({ application_metadata }: PoolJson, trash: string) =>
  Object.values(application_metadata).some(values => values[markKey] === trash)

async function markPool(ceph: Ceph, pool: PoolJson, value: string, options: CallOptions): Promise<void> {
  const [app] = Object.keys(pool.application_metadata)
  if (app === undefined || isMarked(pool, value)) return
  const prefix = 'osd pool application set'
  await tell(ceph, { prefix, pool: pool.pool_name, app, key: markKey, value }, options)
}

/** Takes the marks of deletes off a pool. */
export async function unmarkPool(ceph: Ceph, pool: PoolJson, options: CallOptions): Promise<void> {
  const prefix = 'osd pool application rm'
  for (const [app, values] of Object.entries(pool.application_metadata))
    if (values[markKey] !== undefined)
      await tell(ceph, { prefix, pool: pool.pool_name, app, key: markKey }, options)
}

interface FsJson {
  readonly name: string
  readonly metadata_pool: string
  readonly data_pools: readonly string[]
}

/** File systems on the pool, images in it, and images elsewhere whose data is in it. */
async function holdersOf(
  ceph: Ceph,
  pool: PoolJson,
  pools: readonly PoolJson[],
  options: CallOptions,
): Promise<string[]> {
  const { pool_name: name } = pool
  const systems = await monData<FsJson[]>(ceph, { prefix: 'fs ls' }, options)
  const holding = systems.filter(fs => fs.metadata_pool === name || fs.data_pools.includes(name))
  const found = holding.map(fs => `file system ${fs.name}`)
  if (!('rbd' in pool.application_metadata)) return found
  const inside = allRead(await readAll(ceph, name, () => true, options))
  found.push(...inside.map(info => `image ${name}/${info.name}`))
  const others = pools.filter(one => one !== pool && 'rbd' in one.application_metadata)
  const elsewhere = await Promise.all(others.map(one => imagesWithData(ceph, one.pool_name, name, options)))
  return [...found, ...elsewhere.flat()]
}

async function imagesWithData(ceph: Ceph, pool: string, dataPool: string, options: CallOptions) {
  const images = allRead(await readAll(ceph, pool, () => true, options))
  return images.filter(info => info.dataPool === dataPool).map(info => `data of image ${pool}/${info.name}`)
}

/** Destroys a kept pool, and the profile and rule that were made for it. */
export async function discardPool(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  const options = { signal }
  const { id, name, keptAs } = keptPool(token)
  const pool = (await listPools(ceph, options)).find(one => one.pool_id === id)
  // Under another name it was brought back, by infra or by hand
  if (!pool || pool.pool_name !== keptAs) return
  await tell(ceph, { prefix: 'osd pool set', pool: keptAs, var: 'nodelete', val: 'false' }, options)
  try {
    const prefix = 'osd pool rm'
    await tell(ceph, { prefix, pool: keptAs, pool2: keptAs, yes_i_really_really_mean_it: true }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'EPERM')) throw thrown
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-delete-forbidden',
      message: `the kept pool ${keptAs} cannot be destroyed`,
      why: thrown.why ?? thrown.message,
      hint: 'Allow it for the moment: ceph config set mon mon_allow_pool_delete true',
    })
  }
  await removeTraces(ceph, pool, name, options)
}

/** The profile that was made with an erasure-coded pool, and the rule that Ceph made with it or infra did. */
async function removeTraces(ceph: Ceph, pool: PoolJson, name: string, options: CallOptions): Promise<void> {
  const rules = await monData<{ rule_id: number; rule_name: string }[]>(
    ceph,
    { prefix: 'osd crush rule dump' },
    options,
  )
  const rule = rules.find(one => one.rule_id === pool.crush_rule)?.rule_name
  const made = rule !== undefined && (rule.startsWith('infra-') || (pool.type !== 1 && rule === name))
  const commands = [
    ...(made ? [{ prefix: 'osd crush rule rm', name: rule }] : []),
    ...(pool.erasure_code_profile.startsWith(`infra-${name}`)
      ? [{ prefix: 'osd erasure-code-profile rm', name: pool.erasure_code_profile }]
      : []),
  ]
  for (const command of commands) {
    await tell(ceph, command, options).catch(thrown => {
      // Another pool uses it
      if (!isErrno(thrown, 'EBUSY', 'ENOENT')) throw thrown
    })
  }
}
