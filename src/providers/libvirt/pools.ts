/** Making, changing and removing storage pools. The folder and the volumes in it are never removed. */
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, UpdateRequest } from '../provider.js'
import { ask, findPool, type Host, orAbsent } from './connection.js'
import { fields, list, text } from './kinds/values.js'
import { putCephSecret } from './machine-input.js'
import { isLibvirt } from './rpc/errors.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'
import { buildPool } from './xml/pool.js'
import { serializeXml } from './xml/serialize.js'

export async function createPool(host: Host, request: CreateRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  const there = await findPool(host, request.name, signal)
  if (there !== undefined && there.uuid !== uuid) throw exists(request)
  const pool = await define(host, request, uuid, signal)
  await run(host, pool, request.spec, signal)
  await ask(
    host,
    procedures.pools.setAutostart,
    { pool, autostart: request.spec.autostart !== false },
    signal,
  )
}

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

export async function deletePool(host: Host, request: DeleteRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  if (uuid === undefined) return
  const pool = await orAbsent(ask(host, procedures.pools.lookupByUuid, { uuid }, signal), 'NO_STORAGE_POOL')
  if (pool === undefined) return
  if (await ask(host, procedures.pools.isActive, { pool }, signal)) {
    await ask(host, procedures.pools.stop, { pool }, signal)
  }
  await orAbsent(ask(host, procedures.pools.undefine, { pool }, signal), 'NO_STORAGE_POOL')
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

async function define(
  host: Host,
  request: Pick<CreateRequest, 'name' | 'spec'>,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<Pool> {
  const { name, spec } = request
  const secret = await rbdSecret(host, spec, signal)
  const input = {
    name,
    spec,
    ...(uuid !== undefined && { uuid }),
    ...(secret !== undefined && { rbdSecret: secret }),
  }
  return ask(host, procedures.pools.define, { xml: serializeXml(buildPool(input)), flags: 0 }, signal)
}

async function rbdSecret(host: Host, spec: Attributes, signal: AbortSignal): Promise<string | undefined> {
  const rbd = fields(spec.rbd)
  const [user, key] = [text(rbd.user), text(rbd.key)]
  if (user === undefined || key === undefined) return undefined
  const monitors = list(rbd.monitors).filter(monitor => typeof monitor === 'string')
  return putCephSecret(host, user, monitors, key, signal)
}

/** Starts it; what it lacks (the folder) is built only where starting shows that it lacks it. */
async function run(host: Host, pool: Pool, spec: Attributes, signal: AbortSignal): Promise<void> {
  if (await ask(host, procedures.pools.isActive, { pool }, signal)) return
  const start = () => ask(host, procedures.pools.start, { pool, flags: 0 }, signal)
  try {
    await start()
  } catch (error) {
    if (spec.build === false || !isLibvirt(error, 'SYSTEM_ERROR', 'INTERNAL_ERROR', 'OPERATION_FAILED'))
      throw error
    await ask(host, procedures.pools.build, { pool, flags: 0 }, signal)
    await start()
  }
}

function exists(request: CreateRequest): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'exists',
    message: `There is a storage pool ${request.name} already`,
    hint: `Choose another name, or take it over: infra import ${request.address} ${request.name}`,
  })
}
