/** Which volumes and files are a machine's own: those that go with it, and come back with it. */
import { InfraError } from '../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { serialLog } from './machine-input.js'
import { bootVolume, dataVolume, ignitionVolume, seedVolume } from './names.js'
import { procedures } from './rpc/procedures/index.js'
import type { Volume } from './rpc/types.js'
import { readingOf } from './storage.js'
import { type KeptVolume, trashName, trashPath } from './trash.js'
import type { DomainReading } from './xml/domain-read.js'
import type { DiskReading } from './xml/domain-read-disks.js'
import { parseXml } from './xml/parse.js'
import { find } from './xml/tree.js'

/** The volumes and files that go with the machine: those named after it, and overlays that snapshots put on them. */
export async function ownVolumes(
  host: Host,
  reading: DomainReading,
  trash: string,
  signal: AbortSignal,
): Promise<KeptVolume[]> {
  const { name } = reading
  const seeds = new Set([seedVolume(name), `${seedVolume(name)}.iso`, ignitionVolume(name)])
  const owned = new Map<string, Set<string>>()
  const add = (pool: string, volume: string) => owned.set(pool, (owned.get(pool) ?? new Set()).add(volume))
  const chains = await Promise.all(reading.disks.map(disk => volumeChain(host, disk, signal)))
  for (const [index, chain] of chains.entries()) {
    const disk = reading.disks[index]
    if (disk === undefined) continue
    const own = disk.role === 'boot' ? bootVolume(name) : dataVolume(name, disk.device)
    for (const { pool, name: volume } of chain) {
      if (volume === own || volume.startsWith(`${own}.`) || seeds.has(volume)) add(pool, volume)
      // an overlay of a snapshot, and what libvirt lost sight of below it
      if (volume.startsWith(`${own}.`)) add(pool, own)
    }
  }
  const home = homeOf(reading, chains)
  if (home !== undefined) for (const extra of [...seeds, serialLog(name)]) add(home, extra)
  const found = await Promise.all(
    [...owned].map(([pool, names]) => poolVolumes(host, pool, [...names], trash, signal)),
  )
  return found.flat()
}

interface Place {
  readonly pool: string
  readonly name: string
}

/** The volume of a disk and those below it: snapshots put overlays on disks, by their paths alone. */
async function volumeChain(host: Host, disk: DiskReading, signal: AbortSignal): Promise<Place[]> {
  const chain: Place[] = []
  const { pool, volume } = disk
  if (pool !== undefined && volume !== undefined) chain.push({ pool, name: volume })
  const found = pool === undefined ? undefined : await findPool(host, pool, signal)
  let here =
    found !== undefined && volume !== undefined
      ? await findVolume(host, found, volume, signal)
      : await volumeAt(host, disk.path, signal)
  for (let depth = 0; here !== undefined && depth < 64; depth += 1) {
    if (depth > 0 || chain.length === 0) chain.push({ pool: here.pool, name: here.name })
    const reading = await readingOf(host, here, signal)
    here = await volumeAt(host, reading?.backingPath, signal)
  }
  return chain
}

function volumeAt(host: Host, path: string | undefined, signal: AbortSignal): Promise<Volume | undefined> {
  if (path === undefined) return Promise.resolve(undefined)
  return orAbsent(ask(host, procedures.volumes.lookupByPath, { path }, signal), 'NO_STORAGE_VOL')
}

/** The pool of the boot disk, where the machine's other files are, too. */
function homeOf(reading: DomainReading, chains: readonly (readonly Place[])[]): string | undefined {
  const boot = reading.disks.findIndex(disk => disk.role === 'boot')
  return reading.disks[boot]?.pool ?? chains[boot]?.[0]?.pool
}

/** Which of these names are there, or were put away already by an earlier try. */
async function poolVolumes(
  host: Host,
  poolName: string,
  names: readonly string[],
  trash: string,
  signal: AbortSignal,
): Promise<KeptVolume[]> {
  const pool = await findPool(host, poolName, signal)
  // to go on would leave its disks behind and say that they are gone
  if (pool === undefined) throw poolGone(poolName, names)
  const folder = await folderOf(host, poolName, signal)
  const found = await Promise.all(
    names.map(async name => {
      const volume = await findVolume(host, pool, name, signal)
      const path = volume && (await ask(host, procedures.volumes.path, { volume }, signal))
      const place = path ?? (folder === undefined ? undefined : `${folder}/${name}`)
      if (place === undefined) return []
      const kept: KeptVolume = { pool: poolName, name, path: place, trash: trashName(trash, name) }
      if (volume !== undefined) return [kept]
      const isThere =
        folder !== undefined &&
        ((await host.files.exists(place, signal)) || (await host.files.exists(trashPath(kept), signal)))
      return isThere ? [kept] : []
    }),
  )
  return found.flat()
}

function poolGone(pool: string, volumes: readonly string[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `The storage pool ${pool} has gone, and with it the way to ${volumes.join(', ')}`,
    hint: 'Define the pool again; or undefine the machine by hand (virsh undefine), and remove its files.',
  })
}

/** Folder of a pool on its host; undefined for one that is no folder, or not there. */
export async function folderOf(host: Host, pool: string, signal: AbortSignal): Promise<string | undefined> {
  const found = await findPool(host, pool, signal)
  if (found === undefined) return undefined
  const root = parseXml(await ask(host, procedures.pools.xml, { pool: found, flags: 0 }, signal))
  const isFolder = ['dir', 'fs', 'netfs'].includes(root.attributes.type ?? '')
  const path = find(root, 'target', 'path')?.children[0]
  return isFolder && typeof path === 'string' ? path : undefined
}
