/** Pools and volumes as the provider makes and fills them, whichever kind they are for. */
import { InfraError } from '../../model/error.js'
import { ask, findPool, findVolume, type Host } from './connection.js'
import { gone, readVolume } from './inventory.js'
import { whileBusy } from './refresh.js'
import type { Chunk } from './rpc/channel.js'
import { poolStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { uploadVolume } from './rpc/transfer.js'
import type { Pool, Volume } from './rpc/types.js'
import type { VolumeReading } from './xml/domain-observe.js'
import { serializeXml } from './xml/serialize.js'
import { element, textElement, type XmlElement } from './xml/tree.js'

/** The pool, active. One that is defined and stopped is started. */
export async function activePool(host: Host, name: string, signal: AbortSignal): Promise<Pool> {
  const pool = await findPool(host, name, signal)
  if (pool === undefined) throw await missingPool(host, name, signal)
  const info = await ask(host, procedures.pools.info, { pool }, signal)
  if (info.state === poolStates.inactive) await ask(host, procedures.pools.start, { pool, flags: 0 }, signal)
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

export async function readingOf(
  host: Host,
  volume: Volume,
  signal: AbortSignal,
): Promise<VolumeReading | undefined> {
  const xml = await gone(ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal))
  return xml === undefined ? undefined : readVolume(volume, xml)
}

export interface NewVolume {
  readonly name: string
  readonly capacity: number
  readonly format: string
  /** What it reads through to. */
  readonly backing?: { readonly path: string; readonly format: string }
}

function volumeElement(volume: NewVolume): XmlElement {
  const { name, capacity, format, backing } = volume
  return element(
    'volume',
    {},
    textElement('name', name),
    textElement('capacity', capacity, { unit: 'bytes' }),
    textElement('allocation', 0),
    element(
      'target',
      {},
      element('format', { type: format }),
      // libvirt's own default, 0.10, can hold no dirty bitmaps: no incremental backups
      format === 'qcow2' ? textElement('compat', '1.1') : undefined,
    ),
    backing &&
      element(
        'backingStore',
        {},
        textElement('path', backing.path),
        element('format', { type: backing.format }),
      ),
  )
}

export function createVolume(
  host: Host,
  pool: Pool,
  volume: NewVolume,
  signal: AbortSignal,
): Promise<Volume> {
  const args = { pool, xml: serializeXml(volumeElement(volume)), flags: 0 }
  return whileBusy(() => ask(host, procedures.volumes.create, args, signal), signal)
}

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
  const volume = await createVolume(host, pool, { name, capacity: bytes.length, format: 'raw' }, signal)
  await uploadVolume(host.client, volume, chunksOf(bytes), { signal, length: bytes.length })
  return volume
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Chunk> {
  yield bytes
}
