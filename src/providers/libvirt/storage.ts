/** Pools and volumes as the provider makes and fills them, whichever kind they are for. */
import { InfraError } from '../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { defaultPool } from './pools.js'
import { whileBusy } from './refresh.js'
import type { Chunk } from './rpc/channel.js'
import { poolStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { downloadVolume, uploadVolume } from './rpc/transfer.js'
import type { Pool, Volume } from './rpc/types.js'
import { gone, type StoredVolume, volumeReading } from './volume-reading.js'
import { serializeXml } from './xml/serialize.js'
import { buildVolume, type VolumeInput } from './xml/volume.js'

/** The pool, active. One that is defined and stopped is started; Foundry's own are made where they are missing. */
export async function activePool(host: Host, name: string, signal: AbortSignal): Promise<Pool> {
  const pool = (await findPool(host, name, signal)) ?? (await defaultPool(host, name, signal))
  if (pool === undefined) throw await missingPool(host, name, signal)
  const info = await ask(host, procedures.pools.info, { pool }, signal)
  // refused where another step has just started it
  if (info.state === poolStates.inactive)
    await orAbsent(ask(host, procedures.pools.start, { pool, flags: 0 }, signal), 'OPERATION_INVALID')
  return pool
}

async function missingPool(host: Host, name: string, signal: AbortSignal): Promise<InfraError> {
  const all = await ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal)
  return new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `There is no storage pool ${name}`,
    why:
      all.length === 0
        ? 'The host has none'
        : `The host has ${all
            .map(pool => pool.name)
            .sort()
            .join(', ')}`,
    hint: `Declare it: a document of kind StoragePool named ${name}`,
  })
}

/** The volume, or an error that tells what is in the pool instead. */
export async function needVolume(host: Host, pool: Pool, name: string, signal: AbortSignal): Promise<Volume> {
  const found = await findVolume(host, pool, name, signal)
  if (found !== undefined) return found
  const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
  const near = all
    .map(volume => volume.name)
    .filter(other => other.split(/[._-]/)[0] === name.split(/[._-]/)[0])
    .slice(0, 5)
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `There is no volume ${name} in the pool ${pool.name}`,
    why: near.length === 0 ? `The pool has ${all.length} volumes` : `The pool has ${near.join(', ')}`,
    hint: `Correct the name; if the file was put there by hand, refresh the pool: virsh pool-refresh ${pool.name}`,
  })
}

/** What libvirt says of a volume; undefined where it is gone. */
export async function readingOf(
  host: Host,
  volume: Volume,
  signal: AbortSignal,
): Promise<StoredVolume | undefined> {
  const xml = await gone(ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal))
  return xml === undefined ? undefined : volumeReading(volume, xml)
}

/** Makes an empty volume, or one on a backing file; sizes in bytes. */
export function createVolume(
  host: Host,
  pool: Pool,
  volume: VolumeInput,
  signal: AbortSignal,
): Promise<Volume> {
  const args = { pool, xml: serializeXml(buildVolume(volume)), flags: 0 }
  return whileBusy(() => ask(host, procedures.volumes.create, args, signal), signal)
}

/** What is gone already is no error. */
export async function deleteVolume(host: Host, volume: Volume, signal: AbortSignal): Promise<void> {
  await gone(whileBusy(() => ask(host, procedures.volumes.delete, { volume, flags: 0 }, signal), signal))
}

/** A raw volume with these bytes; one that is there already is made anew. */
export async function putVolume(
  host: Host,
  pool: Pool,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Volume> {
  const there = await findVolume(host, pool, name, signal)
  if (there !== undefined) await deleteVolume(host, there, signal)
  const volume = await createVolume(host, pool, { name, capacityBytes: bytes.length, format: 'raw' }, signal)
  await uploadVolume(host.client, volume, chunksOf(bytes), { signal, length: bytes.length })
  return volume
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Chunk> {
  yield bytes
}

/** The bytes of a small volume. */
export async function volumeBytes(host: Host, volume: Volume, signal: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of downloadVolume(host.client, volume, { signal })) {
    parts.push(chunk instanceof Uint8Array ? chunk : Buffer.alloc(chunk.hole))
  }
  return Buffer.concat(parts)
}
