/** Making, changing and removing storage pools. The folder and the volumes in it are never removed. */
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, UpdateRequest } from '../provider.js'
import { putCephSecret } from './ceph-secret.js'
import { ask, findPool, type Host, orAbsent } from './connection.js'
import { storagePool } from './kinds/storage-pool.js'
import { fields } from './kinds/values.js'
import { defaultPools } from './names.js'
import { isLibvirt } from './rpc/errors.js'
import { poolCreateFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'
import { dropUnusedSecrets } from './unused-secrets.js'
import { buildPool } from './xml/pool.js'
import { serializeXml } from './xml/serialize.js'

/** Defines and starts it, or finishes one that was cut off. Fails with `exists` where another has its name. */
export async function createPool(host: Host, request: CreateRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  const there = await findPool(host, request.name, signal)
  if (there !== undefined && there.uuid !== uuid) throw exists(request)
  // running before it is stored: cut off in between, what is in it can still be read
  if (there === undefined) await startNew(host, request, uuid, signal)
  await settlePool(host, request, uuid, signal)
}

/**
 * A pool that no document declares and that Foundry's have all the same (`foundry-vms`, `foundry-images`), made where Foundry
 * keeps it; undefined for any other name. It is the host's from then on: no stack takes it away.
 */
export function defaultPool(host: Host, name: string, signal: AbortSignal): Promise<Pool | undefined> {
  if (defaultPools[name] === undefined) return Promise.resolve(undefined)
  // several machines of a stack need it at once
  return host.turns.take(`pool ${name}`, async () => {
    const there = await findPool(host, name, signal)
    if (there !== undefined) return there
    const request = { name, spec: storagePool.canonical({}, { name, labels: {}, annotations: {} }) }
    const uuid = host.ports.random.uuid()
    await startNew(host, request, uuid, signal)
    return settlePool(host, request, uuid, signal)
  })
}

/** Stores it, runs it and says whether it starts with the host. */
async function settlePool(
  host: Host,
  request: PoolRequest,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<Pool> {
  const pool = await define(host, request, uuid, signal)
  await run(host, pool, request.spec, signal)
  const autostart = request.spec.autostart !== false
  await ask(host, procedures.pools.setAutostart, { pool, autostart }, signal)
  return pool
}

/** Defines it anew under its UUID; it is stopped only where that was allowed. */
export async function updatePool(host: Host, request: UpdateRequest, call: Call): Promise<void> {
  const { signal } = call
  const { uuid } = request.identity
  const there = await own(host, uuid, request, signal)
  if (request.changes.length === 0) return
  const pool = await define(host, { ...request, name: there.name }, uuid, signal)
  await ask(
    host,
    procedures.pools.setAutostart,
    { pool, autostart: request.spec.autostart !== false },
    signal,
  )
  const active = await ask(host, procedures.pools.isActive, { pool }, signal)
  const waits = request.changes.some(change => change.how === 'restart')
  if (active && waits && request.restart) await ask(host, procedures.pools.stop, { pool }, signal)
  await run(host, pool, request.spec, signal)
}

/** Stops and undefines it; what is in it stays. What is gone already is no error. */
export async function deletePool(host: Host, request: DeleteRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  if (uuid === undefined) return
  const pool = await orAbsent(ask(host, procedures.pools.lookupByUuid, { uuid }, signal), 'NO_STORAGE_POOL')
  if (pool === undefined) return
  if (await ask(host, procedures.pools.isActive, { pool }, signal)) {
    // Cut off once it is stopped, it would look as it did: so something declared is changed first, which the way back mends.
    if (await ask(host, procedures.pools.isPersistent, { pool }, signal)) {
      const autostart = request.spec.autostart === false
      await ask(host, procedures.pools.setAutostart, { pool, autostart }, signal)
    }
    await ask(host, procedures.pools.stop, { pool }, signal)
  }
  const text = await orAbsent(ask(host, procedures.pools.xml, { pool, flags: 0 }, signal), 'NO_STORAGE_POOL')
  await orAbsent(ask(host, procedures.pools.undefine, { pool }, signal), 'NO_STORAGE_POOL')
  if (text !== undefined) await dropUnusedSecrets(host, text, signal)
}

async function own(
  host: Host,
  uuid: string | undefined,
  request: UpdateRequest,
  signal: AbortSignal,
): Promise<Pool> {
  const found =
    uuid === undefined
      ? await findPool(host, request.name, signal)
      : await orAbsent(ask(host, procedures.pools.lookupByUuid, { uuid }, signal), 'NO_STORAGE_POOL')
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `The storage pool ${request.name} has gone`,
    hint: 'Plan again',
  })
}

type PoolRequest = Pick<CreateRequest, 'name' | 'spec'>

async function define(
  host: Host,
  request: PoolRequest,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<Pool> {
  const xml = await poolXml(host, request, uuid, signal)
  return ask(host, procedures.pools.define, { xml, flags: 0 }, signal)
}

/** Starts a pool that is not stored yet. */
async function startNew(
  host: Host,
  request: PoolRequest,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const xml = await poolXml(host, request, uuid, signal)
  const create = (flags: number) => ask(host, procedures.pools.create, { xml, flags }, signal)
  try {
    await create(0)
  } catch (error) {
    if (!buildHelps(error, request.spec)) throw error
    await create(poolCreateFlags.build)
  }
}

async function poolXml(
  host: Host,
  request: PoolRequest,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { name, spec } = request
  const secret = await putCephSecret(host, fields(spec.rbd), signal)
  const input = {
    name,
    spec,
    ...(uuid !== undefined && { uuid }),
    ...(secret !== undefined && { rbdSecret: secret }),
  }
  return serializeXml(buildPool(input))
}

/** Starts it; what it lacks (the folder) is built only where starting shows that it lacks it. */
async function run(host: Host, pool: Pool, spec: Attributes, signal: AbortSignal): Promise<void> {
  if (await ask(host, procedures.pools.isActive, { pool }, signal)) return
  const start = () => ask(host, procedures.pools.start, { pool, flags: 0 }, signal)
  try {
    await start()
  } catch (error) {
    if (!buildHelps(error, spec)) throw error
    await ask(host, procedures.pools.build, { pool, flags: 0 }, signal)
    await start()
  }
}

/** Whether a start may have failed for want of what building makes. */
function buildHelps(error: unknown, spec: Attributes): boolean {
  return spec.build !== false && isLibvirt(error, 'SYSTEM_ERROR', 'INTERNAL_ERROR', 'OPERATION_FAILED')
}

function exists(request: CreateRequest): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'exists',
    message: `There is a storage pool ${request.name} already`,
    hint: `Choose another name, or take it over: infra import ${request.address} ${request.name}`,
  })
}
