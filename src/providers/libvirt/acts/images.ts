/** Images: volumes that machines start from. Listed with who uses them, put in, and pruned where nobody does. */

import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import type { CreateRequest } from '../../provider.js'
import { ask, findVolume, type Host, orAbsent } from '../connection.js'
import { image as imageKind } from '../kinds/image.js'
import { text } from '../kinds/values.js'
import { defaultImagePool } from '../names.js'
import { LibvirtError } from '../rpc/errors.js'
import { poolStates } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { activePool, deleteVolume } from '../storage.js'
import { createStored } from '../volumes.js'
import { readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import type { ActCall } from './each.js'
import { type ActJournal, unjournaled } from './journaled.js'
import { cleanUpAndThrow } from './left-behind.js'
import type { NamedHost } from './open.js'
import { needPool, type VolumeView, volumeViews } from './pools.js'
import type { ImageAct } from './settle-image.js'

export interface ImageView extends VolumeView {
  readonly host: string
  readonly pool: string
  /** `POOL:VOLUME`, as a machine names it. */
  readonly reference: string
  /** Machines that have it as a disk and volumes that are based on it, on this host. */
  readonly usedBy: readonly string[]
}

export interface PutImage {
  readonly name: string
  readonly pool?: string
  /** A file here. This or `url`. */
  readonly path?: string
  readonly url?: string
  /** `sha256:…`, or `none`. */
  readonly checksum?: string
  readonly format?: 'qcow2' | 'raw'
  readonly convert?: boolean
  readonly insecure?: boolean
}

/**
 * The images of a host: what is in the pools named for it, and every volume elsewhere that others are based on. What waits in
 * the trash is none.
 */
export async function listImages(
  named: NamedHost,
  pools: readonly string[],
  signal: AbortSignal,
): Promise<readonly ImageView[]> {
  const { host } = named
  const all = await readVolumes(host, signal)
  const users = await usersOf(host, all, signal)
  const based = new Set(all.flatMap(one => one.volume.backing ?? []))
  return all
    .filter(({ pool, volume }) => !volume.trash && (pools.includes(pool) || based.has(volume.path)))
    .map(({ pool, volume }) => ({
      ...volume,
      host: named.name,
      pool,
      reference: `${pool}:${volume.name}`,
      usedBy: users.get(volume.path) ?? [],
    }))
    .sort((a, b) => (a.reference < b.reference ? -1 : 1))
}

interface PoolVolume {
  readonly pool: string
  readonly volume: VolumeView
}

/** All volumes of all active pools. */
async function readVolumes(host: Host, signal: AbortSignal): Promise<readonly PoolVolume[]> {
  const pools = await ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal)
  const found = await Promise.all(
    pools.map(async pool => {
      const info = await ask(host, procedures.pools.info, { pool }, signal)
      if (info.state === poolStates.inactive) return []
      return (await volumeViews(host, pool, signal)).map(volume => ({ pool: pool.name, volume }))
    }),
  )
  return found.flat()
}

/** By the path of the volume that is used. */
async function usersOf(
  host: Host,
  all: readonly PoolVolume[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const paths = new Map(all.map(({ pool, volume }) => [`${pool}:${volume.name}`, volume.path]))
  const users = new Map<string, string[]>()
  const add = (path: string | undefined, user: string) => {
    if (path === undefined) return
    const known = users.get(path)
    if (known === undefined) users.set(path, [user])
    else known.push(user)
  }
  for (const { pool, volume } of all) add(volume.backing, `volume ${pool}:${volume.name}`)
  const domains = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal)
  const readings = await Promise.all(
    domains.map(async domain => {
      const xml = await orAbsent(ask(host, procedures.domains.xml, { domain, flags: 0 }, signal), 'NO_DOMAIN')
      return xml === undefined ? undefined : readDomain(parseXml(xml))
    }),
  )
  for (const reading of readings) {
    for (const disk of reading?.disks ?? []) {
      if (disk.reference !== undefined)
        add(paths.get(disk.reference) ?? disk.reference, `machine ${reading?.name} (${disk.device})`)
    }
  }
  return users
}

/** Puts a file or a download into a pool, as a document of kind Image would. Returns what is there then. */
export async function putImage(
  named: NamedHost,
  image: PutImage,
  call: ActCall,
  journal: ActJournal<ImageAct> = unjournaled,
): Promise<ImageView> {
  const { host } = named
  const { signal } = call
  const { name, path, url, checksum, format } = image
  const source = {
    ...(path !== undefined && { path }),
    ...(url !== undefined && { url }),
    ...(image.insecure && { insecure: true }),
  }
  const asked: Attributes = {
    source,
    pool: image.pool ?? defaultImagePool,
    ...(checksum !== undefined && { checksum }),
    ...(format !== undefined && { format }),
    ...(image.convert && { convert: 'qcow2' }),
  }
  const meta = { name, labels: {}, annotations: {} }
  const [problem] = imageKind.check?.(asked, meta) ?? []
  if (problem !== undefined) {
    throw new InfraError({
      kind: 'validation',
      code: problem.code,
      message: problem.message,
      ...(problem.hint !== undefined && { hint: problem.hint }),
    })
  }
  const spec = imageKind.canonical(asked, meta)
  const volume = text(spec.volume) ?? name
  const pool = await activePool(host, text(spec.pool) ?? defaultImagePool, signal)
  // what libvirt does not know of yet is somebody's, too, and must not be taken for half made
  await host.refresher.refresh(pool)
  if ((await findVolume(host, pool, volume, signal)) !== undefined) throw exists(pool.name, volume)
  const request: CreateRequest = {
    address: `Image/${name}`,
    kind: 'Image',
    name,
    spec,
    identity: {},
    owner: { lineage: '', address: '' },
    labels: {},
  }
  await journal.begin(
    { verb: 'image-put', name: volume, pool: pool.name, image: { ...image } },
    { address: `Image/${name}` },
  )
  try {
    await createStored(host, request, { signal, progress: call.progress, keep: async () => undefined })
  } catch (error) {
    // nothing half made is left under the name of an image
    return cleanUpAndThrow(error, `${pool.name}:${volume} may be left half made`, async () => {
      const half = await findVolume(host, pool, volume, AbortSignal.timeout(15_000))
      if (half !== undefined) await deleteVolume(host, half, AbortSignal.timeout(15_000))
      journal.ended()
    })
  }
  host.usage.forget()
  const made = (await listImages(named, [pool.name], signal)).find(
    one => one.name === volume && one.pool === pool.name,
  )
  if (made === undefined) {
    throw new InfraError({
      kind: 'storage',
      code: 'not-so',
      message: `The image ${volume} was reported as stored and is not in the pool ${pool.name}`,
    })
  }
  return made
}

/** Deletes images; one that anything uses is refused. */
export async function deleteImage(
  { host }: NamedHost,
  image: Pick<ImageView, 'pool' | 'name' | 'path' | 'reference'>,
  signal: AbortSignal,
  journal: ActJournal<ImageAct> = unjournaled,
): Promise<void> {
  const pool = await needPool(host, image.pool, signal)
  const volume = await findVolume(host, pool, image.name, signal)
  if (volume === undefined) return
  await host.usage.refuse(host, { pool: image.pool, name: image.name, path: image.path }, signal)
  await journal.begin(
    { verb: 'image-delete', name: image.name, pool: image.pool, path: image.path },
    { address: `Image/${image.name}` },
  )
  try {
    await deleteVolume(host, volume, signal)
  } catch (error) {
    // libvirt's own refusal: it is still there
    if (error instanceof LibvirtError) journal.ended()
    throw error
  }
  if ((await findVolume(host, pool, image.name, signal)) === undefined) return
  throw new InfraError({
    kind: 'storage',
    code: 'not-so',
    message: `The image ${image.reference} was reported as deleted and is still there`,
  })
}

function exists(pool: string, volume: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'exists',
    message: `There is a volume ${volume} in the pool ${pool} already`,
    hint: 'Choose another --name: machines’ disks may be based on it, and its bytes never change under them.',
  })
}
