/**
 * Back to a snapshot. What was written since is lost. Snapshots inside the disks are libvirt's own to go back to; for overlays
 * libvirt has been able to only since 9.9, so that they are made anew here: each disk gets an empty overlay on what it was
 * then. Cut off anywhere, it can be run again.
 */
import { InfraError } from '../../../model/error.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { stop } from '../power.js'
import { isLibvirt, refusals } from '../rpc/errors.js'
import { procedures } from '../rpc/procedures/index.js'
import { createVolume } from '../storage.js'
import { readDisks } from '../xml/domain-read-disks.js'
import { parseXml } from '../xml/parse.js'
import { find } from '../xml/tree.js'
import { readVolume } from '../xml/volume.js'
import type { ActCall } from './each.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import type { SnapshotRestoreAct } from './journaled-snapshot.js'
import type { Machine } from './machines.js'
import { folderPath } from './pools.js'
import { startMachine } from './power.js'
import { writeDisks } from './snapshot-disks.js'
import { refreshDiskPools, removeVolumeAt } from './snapshot-overlays.js'
import { findSnapshot, type KnownSnapshot, readSnapshots } from './snapshots.js'

export interface RestoreOptions {
  /** Leave to delete the snapshots that were taken after it. */
  readonly discardLater?: boolean
  /** Whether it runs afterwards; as before by default. */
  readonly start?: boolean
}

export interface RestoreResult {
  readonly snapshot: string
  /** Snapshots that were deleted with what was written since. */
  readonly discarded: readonly string[]
  readonly state: 'running' | 'shut off'
}

const metadataOnly = 2
const forced = 4

/** Goes back to it, and discards what was taken after it. Fails with `no-snapshot` where there is none of that name. */
export async function restoreSnapshot(
  machine: Machine,
  name: string,
  options: RestoreOptions,
  call: ActCall,
  journal: ActJournal<SnapshotRestoreAct> = unjournaled,
): Promise<RestoreResult> {
  const { host, domain, view } = machine
  const { signal } = call
  const wanted = await findSnapshot(machine, name, signal)
  const later = descendants(await readSnapshots(host, domain, signal), name)
  const ran = view.state === 'running' || view.state === 'paused'
  const start = wanted.reading.spec.memory === true ? options.start : (options.start ?? ran)
  const reach = (stage: SnapshotRestoreAct['stage']) =>
    journal.begin({
      verb: 'snapshot-restore',
      ...identityOf(machine),
      snapshot: name,
      stage,
      ran,
      ...(start !== undefined && { start }),
    })
  if (wanted.reading.spec.storage === 'internal') {
    await reach('losing')
    try {
      await ask(host, procedures.snapshots.revert, { snapshot: wanted.snapshot, flags: forced }, signal)
    } catch (error) {
      if (isLibvirt(error, ...refusals)) journal.ended()
      throw error
    }
    await reach('there')
    return { snapshot: name, discarded: [], state: await settle(machine, start, call) }
  }
  if (later.length > 0 && !options.discardLater) throw wouldDiscard(view.name, name, later)
  await reach('begun')
  await stop(host, domain, 0, call)
  // overlays that others made are no volumes to libvirt before it looks
  await refreshDiskPools(host, machine.stored, signal)
  const discarded = later.map(one => one.snapshot.name)
  call.progress(`puts ${Object.keys(wanted.reading.overlays).length} disks back`)
  await reach('losing')
  await putBack(machine, wanted, later, signal)
  await reach('there')
  return { snapshot: name, discarded, state: await settle(machine, start, call) }
}

/** The machine, which is off, on fresh overlays of what the snapshot keeps. Cut off anywhere, it can be run again. */
async function putBack(
  machine: Machine,
  wanted: KnownSnapshot,
  later: readonly KnownSnapshot[],
  signal: AbortSignal,
): Promise<void> {
  const { host, stored } = machine
  const bases = basesOf(wanted)
  await writeDisks(machine, wanted, 'point', signal)
  for (const { snapshot, reading } of [...later].reverse()) {
    // the snapshot last, which tells of them
    for (const path of Object.values(reading.overlays)) await removeVolumeAt(host, path, signal)
    await ask(host, procedures.snapshots.delete, { snapshot, flags: metadataOnly }, signal)
  }
  await Promise.all(
    Object.entries(wanted.reading.overlays).map(([device, path]) =>
      freshOverlay(host, path, bases.get(device), signal),
    ),
  )
  await refreshDiskPools(host, stored, signal)
}

/** The power state that was asked for; where none was, as the snapshot's memory has it. */
export async function settle(
  { host, domain, view, stored, live }: Machine,
  start: boolean | undefined,
  call: ActCall,
): Promise<'running' | 'shut off'> {
  const active = await ask(host, procedures.domains.isActive, { domain }, call.signal)
  const runs = start ?? active
  if (runs && !active)
    await startMachine({ host, domain, stored, live, view: { ...view, state: 'shut off' } }, {}, call)
  if (!runs && active) await stop(host, domain, 0, call)
  return runs ? 'running' : 'shut off'
}

/** Snapshots that were taken after this one, parents first. */
function descendants(all: readonly KnownSnapshot[], name: string): KnownSnapshot[] {
  const names = new Set([name])
  const later: KnownSnapshot[] = []
  for (const one of all) {
    if (one.reading.parent === undefined || !names.has(one.reading.parent)) continue
    names.add(one.snapshot.name)
    later.push(one)
  }
  return later
}

interface Base {
  readonly reference: string
  readonly pool: string | undefined
  readonly volume: string | undefined
  readonly path: string | undefined
  readonly format: string
}

/** What each disk was when the snapshot was taken, which its overlay lies on. */
function basesOf({ root, reading }: KnownSnapshot): ReadonlyMap<string, Base> {
  const domain = find(root, 'domain')
  const disks = domain === undefined ? [] : readDisks(domain, '')
  return new Map(
    disks.flatMap(disk =>
      reading.overlays[disk.device] === undefined || disk.reference === undefined
        ? []
        : [
            [
              disk.device,
              {
                reference: disk.reference,
                pool: disk.pool,
                volume: disk.volume,
                path: disk.path,
                format: disk.format ?? 'qcow2',
              },
            ],
          ],
    ),
  )
}

async function freshOverlay(
  host: Host,
  path: string,
  base: Base | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (base === undefined) throw lost(path, 'The snapshot does not tell what its disk was')
  const below =
    base.path === undefined
      ? await orAbsent(
          ask(host, procedures.pools.lookupByName, { name: base.pool ?? '' }, signal).then(pool =>
            ask(host, procedures.volumes.lookupByName, { pool, name: base.volume ?? '' }, signal),
          ),
          'NO_STORAGE_VOL',
          'NO_STORAGE_POOL',
        )
      : await orAbsent(
          ask(host, procedures.volumes.lookupByPath, { path: base.path }, signal),
          'NO_STORAGE_VOL',
        )
  if (below === undefined) throw lost(path, `${base.reference} is gone`)
  const reading = readVolume(
    parseXml(await ask(host, procedures.volumes.xml, { volume: below, flags: 0 }, signal)),
  )
  const { pool, name } = await folderPath(host, path, signal)
  await removeVolumeAt(host, path, signal)
  const input = {
    name,
    capacityBytes: reading.capacityBytes,
    format: 'qcow2' as const,
    backing: { path: reading.path, format: base.format },
  }
  await createVolume(host, pool, input, signal)
}

function lost(path: string, why: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'snapshot-lost',
    message: `The disk below the overlay ${path} cannot be found`,
    why,
    hint: 'infra pool refresh, and try again; or restore a backup.',
  })
}

function wouldDiscard(machine: string, name: string, later: readonly KnownSnapshot[]): InfraError {
  const names = later.map(one => one.snapshot.name).join(', ')
  return new InfraError({
    kind: 'operation',
    code: 'later-snapshots',
    message: `${machine} has snapshots that were taken after ${name}: ${names}`,
    why: 'They hold what was written since, which going back throws away',
    hint: 'Say --discard-later to delete them, too, or go back to the last one.',
  })
}
