/** Filling volumes from files and downloads: fetched and verified first, then carried over, runs of zeros as holes. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { InfraError } from '../../model/error.js'
import type { Call, CreateRequest } from '../provider.js'
import { ask, findVolume, type Host } from './connection.js'
import type { ImageSource } from './image/cache.js'
import { probeFile } from './image/probe.js'
import { fields, number, present, text } from './kinds/values.js'
import { whileBusy } from './refresh.js'
import type { Chunk } from './rpc/channel.js'
import { procedures } from './rpc/procedures/index.js'
import { uploadVolume } from './rpc/transfer.js'
import type { Pool, Volume } from './rpc/types.js'
import { createVolume, deleteVolume, needVolume, readingOf } from './storage.js'
import { serializeXml } from './xml/serialize.js'
import { buildVolume } from './xml/volume.js'

const chunkBytes = 1 << 20

/** Makes the volume and fills it. One that is there is what an earlier try left, of which nobody knows how much is right. */
export async function fillVolume(
  host: Host,
  pool: Pool,
  name: string,
  request: CreateRequest,
  call: Call,
): Promise<void> {
  const { signal } = call
  const { spec } = request
  const fetched = await host.images.fetch(sourceOf(request), signal, message => call.progress(message))
  try {
    const format = spec.format === 'raw' ? 'raw' : 'qcow2'
    if (request.kind === 'Image' || format === 'qcow2') await probeFile(fetched.path, format)
    const converts = spec.convert === 'qcow2' && format === 'raw'
    const target = converts ? `infra-new.${name}` : name
    for (const stale of new Set([target, name])) {
      const there = await findVolume(host, pool, stale, signal)
      if (there !== undefined) await deleteVolume(host, there, signal)
    }
    const volume = await upload(host, pool, target, fetched.path, call)
    if (converts) await convert(host, pool, volume, name, signal)
    await grow(host, pool, name, number(spec.size), signal)
  } finally {
    await fetched.release()
  }
}

function sourceOf({ spec }: CreateRequest): ImageSource {
  const source = fields(spec.source)
  return present({
    path: text(source.path),
    url: text(source.url),
    ...(source.insecure === true && { insecure: true }),
    checksum: text(spec.checksum),
  }) as ImageSource
}

/** As raw bytes; libvirt finds out what is in them by refreshing the pool. */
async function upload(host: Host, pool: Pool, name: string, path: string, call: Call): Promise<Volume> {
  const { signal } = call
  const { size } = await stat(path)
  const volume = await createVolume(host, pool, { name, capacityBytes: size, format: 'raw' }, signal)
  let told = 0
  await uploadVolume(host.client, volume, zerosAsHoles(path), {
    signal,
    length: size,
    progress: bytes => {
      const now = host.ports.clock.now()
      if (now - told < 1_000) return
      told = now
      call.progress(`carries over ${name}: ${Math.floor((bytes / Math.max(size, 1)) * 100)} %`)
    },
  })
  await host.refresher.refresh(pool)
  return needVolume(host, pool, name, signal)
}

async function* zerosAsHoles(path: string): AsyncGenerator<Chunk> {
  const zeros = Buffer.alloc(chunkBytes)
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    const bytes = chunk as Buffer
    yield bytes.equals(zeros.subarray(0, bytes.length)) ? { hole: bytes.length } : bytes
  }
}

async function convert(
  host: Host,
  pool: Pool,
  source: Volume,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const reading = await readingOf(host, source, signal)
  const xml = serializeXml(buildVolume({ name, capacityBytes: reading?.capacityBytes ?? 0, format: 'qcow2' }))
  await whileBusy(
    () => ask(host, procedures.volumes.createFrom, { pool, xml, source, flags: 0 }, signal),
    signal,
  )
  await deleteVolume(host, source, signal)
}

async function grow(
  host: Host,
  pool: Pool,
  name: string,
  size: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (size === undefined) return
  const volume = await needVolume(host, pool, name, signal)
  const reading = await readingOf(host, volume, signal)
  const now = reading?.capacityBytes ?? 0
  if (now === size) return
  if (now > size) {
    throw new InfraError({
      kind: 'validation',
      code: 'volume-too-small',
      message: `What the volume ${name} is filled with is larger than the volume`,
      why: `It holds ${now} bytes, the volume ${size}`,
      hint: 'Leave `size` out, or raise it',
    })
  }
  await whileBusy(
    () => ask(host, procedures.volumes.resize, { volume, capacity: size, flags: 0 }, signal),
    signal,
  )
}
