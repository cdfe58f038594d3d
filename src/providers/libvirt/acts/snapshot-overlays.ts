/** Overlays of external snapshots: of which disks they are, where they lie, and what libvirt knows of them. */
import { dirname } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, type Host, orAbsent } from '../connection.js'
import type { Inventory } from '../inventory.js'
import { procedures } from '../rpc/procedures/index.js'
import { deleteVolume } from '../storage.js'
import type { DomainReading } from '../xml/domain-read.js'
import { refreshPools } from './pools.js'

export type Disk = DomainReading['disks'][number]

/** Disks that a snapshot is taken of: the machine's own and those of volumes; none of the network, no CD-ROM. */
export function writableDisks(reading: DomainReading): readonly Disk[] {
  return reading.disks.filter(
    disk =>
      (disk.role === 'boot' || disk.role === 'data') &&
      disk.reference !== undefined &&
      disk.spec.readOnly !== true,
  )
}

/** Devices of the others. */
export function withoutDisks(reading: DomainReading, taken: readonly Disk[]): string[] {
  return reading.disks.filter(disk => !taken.includes(disk)).map(disk => disk.device)
}

/** Has libvirt read the pools anew that the machine's disks are in: it made or removed files there by itself. */
export async function refreshDiskPools(
  host: Host,
  reading: DomainReading,
  signal: AbortSignal,
): Promise<void> {
  const names = await Promise.all(
    reading.disks.map(async disk => {
      if (disk.pool !== undefined) return disk.pool
      if (disk.path === undefined) return undefined
      const path = dirname(disk.path)
      return (await orAbsent(ask(host, procedures.pools.lookupByPath, { path }, signal), 'NO_STORAGE_POOL'))
        ?.name
    }),
  )
  await refreshPools(host, [...new Set(names.filter(name => name !== undefined))], signal)
}

/**
 * Overlays lie beside the volume that they began with, and are named after it: whoever deletes the machine finds them by
 * that.
 */
export async function overlayPaths(
  disks: readonly Disk[],
  name: string,
  inventory: Inventory,
): Promise<Record<string, string>> {
  const entries = await Promise.all(
    disks.map(async disk => {
      const path = disk.path ?? (await volumePath(disk, inventory))
      const readings = inventory.readings()
      let base = path
      for (let depth = 0; depth < 64; depth += 1) {
        const volume = await inventory.volumeByPath(base)
        if (volume === undefined) break
        await inventory.read(volume)
        const below = readings.byPath(base)?.backingPath
        // an overlay is called as what it lies on, and more
        if (below === undefined || !base.startsWith(`${below}.`)) break
        base = below
      }
      return [disk.device, `${base}.${name}`] as const
    }),
  )
  return Object.fromEntries(entries)
}

async function volumePath(disk: Disk, inventory: Inventory): Promise<string> {
  const volume =
    disk.pool === undefined || disk.volume === undefined
      ? undefined
      : await inventory.volume(disk.pool, disk.volume)
  const reading = volume && (await inventory.read(volume))
  if (reading !== undefined) return reading.path
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `The volume of the disk ${disk.device} cannot be found`,
    why: disk.reference ?? 'It has none',
    hint: 'infra pool refresh',
  })
}

/** Those paths at which libvirt knows a volume. */
export async function volumesAt(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(path =>
      orAbsent(ask(host, procedures.volumes.lookupByPath, { path }, signal), 'NO_STORAGE_VOL'),
    ),
  )
  return paths.filter((_, index) => found[index] !== undefined)
}

/** What is gone already is no error. */
export async function removeVolumeAt(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const volume = await orAbsent(
    ask(host, procedures.volumes.lookupByPath, { path }, signal),
    'NO_STORAGE_VOL',
  )
  if (volume !== undefined) await deleteVolume(host, volume, signal)
}
