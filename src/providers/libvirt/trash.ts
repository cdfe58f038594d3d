/**
 * Where deleted data waits: renamed within its own folder, so that nothing is copied and a return brings back the very bytes.
 * A volume of a pool that is no folder is copied to a volume of that name instead.
 */
import { dirname } from 'node:path'
import { ask, findPool, findVolume, type Host } from './connection.js'
import { whileBusy } from './refresh.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool, Volume } from './rpc/types.js'
import { deleteVolume, readingOf } from './storage.js'
import { parseXml } from './xml/parse.js'

const prefix = 'infra-trash.'

/** Pools whose volumes are files in one folder. */
const folders = new Set(['dir', 'fs', 'netfs'])

/** A volume that was or will be put away, as tokens carry it. */
export interface KeptVolume {
  readonly pool: string
  readonly name: string
  readonly path: string
  /** Its name in the trash. */
  readonly trash: string
}

/** Whether a volume of this name waits in the trash. */
export function isTrash(volume: string): boolean {
  return volume.startsWith(prefix)
}

/** The name under which a volume waits. */
export function trashName(trash: string, volume: string): string {
  return `${prefix}${trash}.${volume}`
}

/** The place of a volume in the trash, of its name there. */
export function trashOf(name: string): string {
  return name.slice(prefix.length).split('.')[0] ?? ''
}

/** What finds a volume again that is put away. */
export function keptVolume(volume: Volume, path: string, trash: string): KeptVolume {
  return { pool: volume.pool, name: volume.name, path, trash: trashName(trash, volume.name) }
}

/** The file that it is while it waits. */
export function trashPath(kept: KeptVolume): string {
  return `${dirname(kept.path)}/${kept.trash}`
}

async function isFolder(host: Host, pool: Pool, signal: AbortSignal): Promise<boolean> {
  const xml = await ask(host, procedures.pools.xml, { pool, flags: 0 }, signal)
  return folders.has(parseXml(xml).attributes.type ?? '')
}

/** Puts volumes away. Done in part already, it goes on. */
export async function putAway(host: Host, kept: readonly KeptVolume[], signal: AbortSignal): Promise<void> {
  await Promise.all(kept.map(one => putOneAway(host, one, signal)))
}

async function putOneAway(host: Host, kept: KeptVolume, signal: AbortSignal): Promise<void> {
  const pool = await findPool(host, kept.pool, signal)
  if (pool === undefined) return
  const volume = await findVolume(host, pool, kept.name, signal)
  if (await isFolder(host, pool, signal)) {
    await host.files.rename(kept.path, trashPath(kept), signal)
  } else if (volume !== undefined) {
    const copy = await findVolume(host, pool, kept.trash, signal)
    if (copy !== undefined) await deleteVolume(host, copy, signal)
    await copyVolume(host, pool, volume, kept.trash, signal)
  }
  // its file is under another name by now: libvirt takes the old name out of its list
  if (volume !== undefined) await deleteVolume(host, volume, signal)
}

async function copyVolume(
  host: Host,
  pool: Pool,
  source: Volume,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const reading = await readingOf(host, source, signal)
  const capacity = reading?.capacityBytes ?? 0
  const xml = `<volume><name>${name}</name><capacity>${capacity}</capacity></volume>`
  await whileBusy(
    () => ask(host, procedures.volumes.createFrom, { pool, xml, source, flags: 0 }, signal),
    signal,
  )
}

/** Brings volumes back under their names. Done in part already, it goes on. */
export async function bringBack(host: Host, kept: readonly KeptVolume[], signal: AbortSignal): Promise<void> {
  const renamed = new Map<string, Pool>()
  await Promise.all(
    kept.map(async one => {
      const pool = await findPool(host, one.pool, signal)
      if (pool === undefined) return
      if (await isFolder(host, pool, signal)) {
        await host.files.rename(trashPath(one), one.path, signal)
        renamed.set(pool.uuid, pool)
        return
      }
      const copy = await findVolume(host, pool, one.trash, signal)
      if (copy === undefined) return
      const there = await findVolume(host, pool, one.name, signal)
      if (there === undefined) await copyVolume(host, pool, copy, one.name, signal)
      await deleteVolume(host, copy, signal)
    }),
  )
  await Promise.all([...renamed.values()].map(pool => host.refresher.refresh(pool)))
}

/** Destroys what was put away. What is gone already is no error. */
export async function empty(host: Host, kept: readonly KeptVolume[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    kept.map(async one => {
      const pool = await findPool(host, one.pool, signal)
      const folder = pool === undefined || (await isFolder(host, pool, signal))
      const listed =
        pool &&
        (await findVolume(host, pool, one.trash, signal).catch(error => {
          // A folder's files are reached without its pool, which may be stopped; elsewhere nobody knows what is there
          if (!folder) throw error
          return undefined
        }))
      if (listed !== undefined) await deleteVolume(host, listed, signal)
      else if (folder) await host.files.remove(trashPath(one), signal)
    }),
  )
}
