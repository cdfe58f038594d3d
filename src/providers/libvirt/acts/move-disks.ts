/** What becomes of each disk of a running machine that moves: which are copied, which the other host sees as they are. */
import { InfraError } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host } from '../connection.js'
import { splitReference, text } from '../kinds/values.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { activePool, createVolume, deleteVolume, putVolume, volumeBytes } from '../storage.js'
import { type DiskReading, readDisks } from '../xml/domain-read-disks.js'
import { parseXml } from '../xml/parse.js'
import { readPool } from '../xml/pool.js'
import { find, findAll, type XmlElement } from '../xml/tree.js'
import { volumeOf } from './backup.js'
import { requireFree } from './backup-restore.js'
import type { Machine } from './machines.js'
import { refreshPools } from './pools.js'
import type { Place } from './restored-definition.js'
import { type Shared, sharedPool } from './shared-pool.js'

/** Cache modes in which nothing that is written waits in the host's memory. */
const uncached = ['none', 'directsync']

/** A disk of the machine, in its place on the other host. */
export interface MovedDisk extends Place {
  readonly source: Volume
  /** Written to by the guest: QEMU copies it while it runs. What is only read is copied before. */
  readonly written: boolean
  readonly capacityBytes: number
}

export interface MovePlan {
  readonly moved: readonly MovedDisk[]
  /**
   * Nothing that the guest wrote can wait in a cache of the first host and be missed on the other: what is not copied is on the
   * network, only read, or written past all caches. libvirt cannot see that much, and would refuse. Where it is not so, it decides.
   */
  readonly proved: boolean
}

/** Looks at every disk. Fails with `cannot-migrate` where one can neither be copied nor be found there. */
export async function planMove(
  machine: Machine,
  root: XmlElement,
  there: Host,
  to: string,
  poolName: string | undefined,
  signal: AbortSignal,
): Promise<MovePlan> {
  const { host, view } = machine
  const nodes = new Map(
    findAll(find(root, 'devices'), 'disk').map(node => [find(node, 'target')?.attributes.dev, node]),
  )
  const pools = new Map<string, Promise<Shared | undefined>>()
  const sharedBy = (name: string) => {
    if (poolName !== undefined && poolName !== name) return undefined
    const known = pools.get(name) ?? sharedPool(host, there, name, signal)
    pools.set(name, known)
    return known
  }
  const moved: MovedDisk[] = []
  let proved = true
  const disks = readDisks(root, view.name)
  requireSame(machine, to, disks)
  for (const disk of disks) {
    // an empty drive, or a disk of the network, which the other host reads as this one does
    if (disk.reference === undefined) continue
    const source = await volumeOf(host, disk, signal)
    const node = nodes.get(disk.device)
    const isRead = find(node, 'readonly') !== undefined || node?.attributes.device === 'cdrom'
    const shared = source && (await sharedBy(source.pool))
    if (shared !== undefined) {
      proved &&= shared === 'ceph' || isRead || uncached.includes(text(disk.spec.cache) ?? '')
      continue
    }
    if (isRead && disk.role !== 'seed') {
      if (await isThere(there, disk, signal)) continue
      throw refused(
        machine,
        to,
        `${disk.reference}, which ${disk.device} reads, is not there`,
        'Put it into the same pool there, or take it out of the drive.',
      )
    }
    if (source === undefined)
      throw refused(
        machine,
        to,
        `The disk ${disk.device} (${disk.reference}) is in no active storage pool`,
        'Define a pool for its folder: infra pool show lists those there are.',
      )
    if (find(node, 'shareable') !== undefined)
      throw refused(
        machine,
        to,
        `The disk ${disk.device} is shared with other machines, and not on storage that ${to} has too`,
        'Detach it first.',
      )
    moved.push(await placeOf(machine, disk, source, there, poolName, !isRead, signal))
  }
  await needFreeNames(there, moved, signal)
  return { moved, proved }
}

/** What it has only from its next start on would stay behind. */
function requireSame(machine: Machine, to: string, running: readonly DiskReading[]): void {
  const now = new Map(running.map(disk => [disk.device, disk.reference]))
  const waits = machine.stored.disks.filter(
    ({ device, reference }) => reference !== undefined && now.get(device) !== reference,
  )
  if (waits.length === 0) return
  const which = waits.map(({ device, reference }) => `${device} (${reference})`).join(', ')
  throw refused(machine, to, `It gets ${which} only at its next start`, 'Restart it first.')
}

async function placeOf(
  { host, domain }: Machine,
  disk: DiskReading,
  source: Volume,
  there: Host,
  poolName: string | undefined,
  written: boolean,
  signal: AbortSignal,
): Promise<MovedDisk> {
  const pool = await activePool(there, poolName ?? source.pool, signal)
  const [xml, path, { capacity }] = await Promise.all([
    ask(there, procedures.pools.xml, { pool, flags: 0 }, signal),
    ask(host, procedures.volumes.path, { volume: source }, signal),
    ask(host, procedures.domains.blockInfo, { domain, path: disk.device, flags: 0 }, signal),
  ])
  return {
    disk: { device: disk.device, format: disk.format === 'qcow2' ? 'qcow2' : 'raw', path },
    pool,
    folder: readPool(parseXml(xml)).path,
    volume: source.name,
    source,
    written,
    capacityBytes: capacity,
  }
}

async function isThere(there: Host, disk: DiskReading, signal: AbortSignal): Promise<boolean> {
  const parts = splitReference(disk.reference ?? '')
  if (parts === undefined) return (await volumeOf(there, disk, signal)) !== undefined
  const pool = await findPool(there, parts.pool, signal)
  return pool !== undefined && (await findVolume(there, pool, parts.volume, signal)) !== undefined
}

async function needFreeNames(there: Host, moved: readonly MovedDisk[], signal: AbortSignal): Promise<void> {
  // what the libvirt there does not know of yet is somebody's, too
  await refreshPools(there, [...new Set(moved.map(({ pool }) => pool.name))], signal)
  const found = await Promise.all(moved.map(({ pool, volume }) => findVolume(there, pool, volume, signal)))
  requireFree(
    found.flatMap(one => one ?? []),
    'Move it into another pool (--pool).',
  )
}

/** Makes the volumes there: empty ones that QEMU fills, and whole ones of what is only read. None stays where one fails. */
export async function makePlaces(
  here: Host,
  there: Host,
  moved: readonly MovedDisk[],
  signal: AbortSignal,
): Promise<readonly Volume[]> {
  const made: Volume[] = []
  try {
    for (const { pool, volume: name, disk, source, written, capacityBytes } of moved) {
      made.push(
        written
          ? await createVolume(there, pool, { name, capacityBytes, format: disk.format }, signal)
          : await putVolume(there, pool, name, await volumeBytes(here, source, signal), signal),
      )
    }
    return made
  } catch (error) {
    // its caller looks for all of them once more, and keeps the act open where one stays
    await removeVolumes(there, made, AbortSignal.timeout(60_000)).catch(() => undefined)
    throw error
  }
}

/** What is gone already is no error. */
export async function removeVolumes(
  host: Host,
  volumes: readonly Volume[],
  signal: AbortSignal,
): Promise<void> {
  for (const volume of volumes) await deleteVolume(host, volume, signal)
}

function refused({ view }: Machine, to: string, why: string, hint: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cannot-migrate',
    message: `${view.name} cannot move to ${to} while it runs`,
    why,
    hint: `${hint} Or move it switched off: --offline.`,
  })
}
