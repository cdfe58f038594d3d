/** Making, growing and removing volumes and images. */
import { InfraError } from '../../model/error.js'
import { isObject, type Json } from '../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, Target, UpdateRequest } from '../provider.js'
import { ask, findPool, findVolume, type Host } from './connection.js'
import { fillVolume } from './fill.js'
import { number, splitReference, text } from './kinds/values.js'
import { blockResizeBytes } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Volume } from './rpc/types.js'
import { activePool, createVolume, needVolume, readingOf } from './storage.js'
import { bringBack, empty, type KeptVolume, keptVolume, putAway } from './trash.js'
import { readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'

interface VolumeToken {
  readonly kind: 'Volume'
  readonly volumes: readonly KeptVolume[]
}

/** What brings these volumes back, as a journal keeps it. */
export function volumeToken(volumes: readonly KeptVolume[]): VolumeToken {
  return { kind: 'Volume', volumes }
}

function isVolumeToken(token: Json | undefined): token is Json & VolumeToken {
  return isObject(token) && token.kind === 'Volume' && Array.isArray(token.volumes)
}

function placeOf(target: Target): { readonly pool: string; readonly name: string } {
  const [pool, name] = [text(target.spec.pool), text(target.spec.volume)]
  if (pool !== undefined && name !== undefined) return { pool, name }
  throw new InfraError({
    kind: 'validation',
    code: 'no-volume-name',
    message: `The ${target.kind} ${target.name} has no pool or no name of a volume`,
  })
}

/** A volume of its own, or an image. One that is there already was made by an earlier try, and is finished. */
export async function createStored(host: Host, request: CreateRequest, call: Call): Promise<void> {
  const { signal } = call
  const { pool: poolName, name } = placeOf(request)
  const pool = await activePool(host, poolName, signal)
  if (isVolumeToken(request.restore)) {
    await bringBack(host, request.restore.volumes, signal)
    await needVolume(host, pool, name, signal)
    return
  }
  if (request.spec.source !== undefined) {
    await fillVolume(host, pool, name, request, call)
    return
  }
  const there = await findVolume(host, pool, name, signal)
  if (there !== undefined) return
  const backing = await backingOf(host, request, signal)
  const capacityBytes = number(request.spec.size) ?? backing?.capacityBytes ?? 0
  await createVolume(
    host,
    pool,
    {
      name,
      capacityBytes,
      format: request.spec.format === 'raw' ? 'raw' : 'qcow2',
      ...(backing !== undefined && { backing: { path: backing.path, format: backing.format } }),
    },
    signal,
  )
}

async function backingOf(
  host: Host,
  request: CreateRequest,
  signal: AbortSignal,
): Promise<{ path: string; format: string; capacityBytes: number } | undefined> {
  const reference = text(request.spec.backing)
  if (reference === undefined) return undefined
  const parts = splitReference(reference)
  const volume =
    parts === undefined
      ? await ask(host, procedures.volumes.lookupByPath, { path: reference }, signal)
      : await needVolume(host, await activePool(host, parts.pool, signal), parts.volume, signal)
  const reading = await readingOf(host, volume, signal)
  return {
    path: reading?.path ?? volume.key,
    format: text(request.spec.backingFormat) ?? 'qcow2',
    capacityBytes: reading?.capacityBytes ?? 0,
  }
}

/** Growth is all that changes in place: through the running guest that has it as a disk, else in the pool. */
export async function updateStored(host: Host, request: UpdateRequest, { signal }: Call): Promise<void> {
  const size = number(request.spec.size)
  if (size === undefined || !request.changes.some(change => change.path === 'size')) return
  const { pool: poolName, name } = placeOf(request)
  const pool = await activePool(host, poolName, signal)
  await growVolume(host, await needVolume(host, pool, name, signal), size, signal)
}

/** Grows a volume. A running guest that has it as a disk sees the new size at once. Never shrinks. */
export async function growVolume(
  host: Host,
  volume: Volume,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  const reading = await readingOf(host, volume, signal)
  const now = reading?.capacityBytes ?? 0
  if (bytes === now) return
  if (bytes < now) {
    throw new InfraError({
      kind: 'storage',
      code: 'would-shrink',
      message: `The volume ${volume.name} holds ${now} bytes and would shrink to ${bytes}`,
      hint: 'Keep the size: what is beyond the new end would be lost',
    })
  }
  const user = await runningUser(host, volume, reading?.path, signal)
  if (user === undefined) {
    await ask(host, procedures.volumes.resize, { volume, capacity: bytes, flags: 0 }, signal)
  } else {
    const args = { domain: user.domain, disk: user.device, size: bytes, flags: blockResizeBytes }
    await ask(host, procedures.domains.blockResize, args, signal)
  }
}

async function runningUser(host: Host, volume: Volume, path: string | undefined, signal: AbortSignal) {
  const running = 1
  const all = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: running }, signal)
  const found = await Promise.all(
    all.map(async domain => {
      const xml = await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal)
      const reference = `${volume.pool}:${volume.name}`
      const disk = readDomain(parseXml(xml)).disks.find(
        one => one.reference === reference || (path !== undefined && one.path === path),
      )
      return disk === undefined ? [] : [{ domain, device: disk.device }]
    }),
  )
  return found.flat()[0]
}

/** Puts its file away; what is gone already is no error. Fails where a machine uses it, or another volume is based on it. */
export async function deleteStored(host: Host, request: DeleteRequest, call: Call): Promise<void> {
  const { signal } = call
  const { pool: poolName, name } = placeOf(request)
  const pool = await findPool(host, poolName, signal)
  if (pool === undefined) return
  await activePool(host, poolName, signal)
  const volume = await findVolume(host, pool, name, signal)
  // gone from libvirt's list is gone: it is taken out last, when its file has its other name already
  if (volume === undefined) return
  const path = await ask(host, procedures.volumes.path, { volume }, signal)
  const kept = keptVolume(volume, path, request.trash)
  await host.usage.refuse(host, { pool: poolName, name, path: kept.path }, signal)
  await call.keep(volumeToken([kept]) as unknown as Json)
  await putAway(host, [kept], signal)
}

/** Destroys what the delete of a volume or image kept; false for a token of another kind. */
export async function discardStored(host: Host, token: Json, signal: AbortSignal): Promise<boolean> {
  if (!isVolumeToken(token)) return false
  await empty(host, token.volumes, signal)
  return true
}
