/** What a rescue boots from: a volume as it is, or a disk of its own on top of an image. */
import { InfraError } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { splitReference } from '../kinds/values.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { createVolume, deleteVolume } from '../storage.js'
import { type StoredVolume, volumeReading } from '../volume-reading.js'

/** The volume of a medium. Fails with `no-volume` where there is none. */
export async function mediumVolume(host: Host, reference: string, signal: AbortSignal): Promise<Volume> {
  const found = await findMedium(host, reference, signal)
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `There is no volume ${reference} to boot from`,
    hint: 'Put it into a pool: infra image import FILE --pool POOL; or infra pool refresh.',
  })
}

/** A volume by `POOL:VOLUME` or by its path; undefined where there is none. */
export async function findMedium(
  host: Host,
  reference: string,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const parts = splitReference(reference)
  if (parts === undefined) {
    const asked = ask(host, procedures.volumes.lookupByPath, { path: reference }, signal)
    return orAbsent(asked, 'NO_STORAGE_VOL')
  }
  const pool = await findPool(host, parts.pool, signal)
  return pool && findVolume(host, pool, parts.volume, signal)
}

function overlayName(machine: string): string {
  return `${machine}_rescue`
}

/** A new disk on top of the image, which itself is never written to: machines may be based on it. */
export async function overlayOf(
  host: Host,
  image: Volume,
  machine: string,
  signal: AbortSignal,
): Promise<Volume> {
  const reading = await readingOf(host, image, signal)
  const pool = await ask(host, procedures.pools.lookupByName, { name: image.pool }, signal)
  const stale = await ownOverlay(host, image, machine, signal)
  if (stale !== undefined) await deleteVolume(host, stale, signal)
  const backing = { path: reading.path, format: reading.format === 'qcow2' ? 'qcow2' : 'raw' }
  const name = overlayName(machine)
  return createVolume(
    host,
    pool,
    { name, capacityBytes: reading.capacityBytes, format: 'qcow2', backing },
    signal,
  )
}

/**
 * What an earlier rescue from the image left; undefined where there is nothing of that name. Fails with `volume-exists` for
 * anything else of it, which is somebody's.
 */
export async function ownOverlay(
  host: Host,
  image: Volume,
  machine: string,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const name = overlayName(machine)
  const pool = await ask(host, procedures.pools.lookupByName, { name: image.pool }, signal)
  const there = await findVolume(host, pool, name, signal)
  if (there === undefined) return undefined
  const [reading, base] = await Promise.all([readingOf(host, there, signal), readingOf(host, image, signal)])
  if (reading.backingPath === base.path) return there
  throw new InfraError({
    kind: 'storage',
    code: 'volume-exists',
    message: `There is a volume ${image.pool}:${name} in the place of the disk for the rescue`,
    why: 'It is not based on that image, so that whose it is is not known, and nothing is written over',
    hint: 'Rename or delete that volume, or boot from an image of another pool.',
  })
}

async function readingOf(host: Host, volume: Volume, signal: AbortSignal): Promise<StoredVolume> {
  return volumeReading(volume, await ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal))
}

/** Removes it; nothing happens where there is none. */
export async function removeOverlay(host: Host, reference: string, signal: AbortSignal): Promise<void> {
  const volume = await findMedium(host, reference, signal)
  if (volume !== undefined) await deleteVolume(host, volume, signal)
}
