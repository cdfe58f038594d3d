/** The files below snapshots of machines: overlays beside their disks. */
import { dirname } from 'node:path'
import { InfraError } from '../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { procedures } from './rpc/procedures/index.js'
import type { DomainReading } from './xml/domain-read.js'
import type { DiskReading } from './xml/domain-read-disks.js'

/** Disks with a file or volume that is written to; none of the network, no CD-ROM. */
export function isTaken(disk: DiskReading): boolean {
  return (
    (disk.role === 'boot' || disk.role === 'data') &&
    disk.reference !== undefined &&
    disk.spec.readOnly !== true
  )
}

/**
 * Where overlays go: beside the disk's own volume and named after it, so that whoever deletes the machine finds them, and
 * after this very snapshot, so that a file of that name is of an earlier try of it.
 */
export async function overlayFiles(
  host: Host,
  disks: readonly DiskReading[],
  ending: string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const entries = await Promise.all(
    disks.map(async disk => {
      const path = disk.path ?? (await volumePath(host, disk, signal))
      return [disk.device, `${path.replace(/(_boot|_data-[a-z]+)\.[^/]*$/, '$1')}.${ending}`] as const
    }),
  )
  return Object.fromEntries(entries)
}

async function volumePath(host: Host, disk: DiskReading, signal: AbortSignal): Promise<string> {
  const pool = disk.pool === undefined ? undefined : await findPool(host, disk.pool, signal)
  const volume = pool && (await findVolume(host, pool, disk.volume ?? '', signal))
  if (volume !== undefined) return ask(host, procedures.volumes.path, { volume }, signal)
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `The volume of the disk ${disk.device} is gone`,
    ...(disk.reference !== undefined && { why: disk.reference }),
  })
}

/** Overlays of a try that was cut off, which no disk goes on from: libvirt would not write over them. */
export async function clearLeftovers(
  host: Host,
  reading: DomainReading,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const used = new Set(reading.disks.map(disk => disk.path))
  await Promise.all(
    files
      .filter(file => !used.has(file))
      .map(async file => {
        // where files are out of reach, libvirt says itself that one is in the way
        if (await host.files.exists(file, signal).catch(() => false)) await host.files.remove(file, signal)
      }),
  )
}

/** Has libvirt look at the folders that files are in, where they are pools. */
export async function refreshFolders(
  host: Host,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const folders = new Set(files.map(file => dirname(file)))
  await Promise.all(
    [...folders].map(async path => {
      const pool = await orAbsent(
        ask(host, procedures.pools.lookupByPath, { path }, signal),
        'NO_STORAGE_POOL',
      )
      if (pool !== undefined) await host.refresher.refresh(pool)
    }),
  )
}
