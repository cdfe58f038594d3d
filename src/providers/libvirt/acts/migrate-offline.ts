/**
 * Moving a machine to another host, switched off: all of it is copied by way of a backup, proved by its sums, made on the other
 * host with its UUID, addresses and owner, and removed here only once it is there (and runs, where it ran).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { start, stop } from '../power.js'
import { untilReady } from '../readiness.js'
import { domainXmlFlags, undefineFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { putVolume, volumeBytes } from '../storage.js'
import { readMetadata } from '../xml/metadata.js'
import { parseXml } from '../xml/parse.js'
import { backupMachine, volumeOf } from './backup.js'
import { type RestoredMachine, requireFree, restoreBackup, restoredVolume } from './backup-restore.js'
import type { ActCall } from './each.js'
import type { VolumeName } from './journaled.js'
import type { MoveJournal } from './journaled-move.js'
import type { Machine } from './machines.js'
import type { MigrateResult } from './migrate-result.js'
import { removeLeft, removeNamed } from './move-end.js'
import type { NamedHost } from './open.js'
import { ownVolumes } from './own-volumes.js'
import { refreshPools } from './pools.js'

export interface OfflineOptions {
  /** Pool for its disks there; pools of the same names by default. */
  readonly pool?: string
  /** Folder for the copy on its way; the system's for temporary files by default. */
  readonly scratch?: string
  readonly timeoutSeconds?: number
  /** Whether it is to run there; by default where it runs here. */
  readonly running?: boolean
}

const defaultTimeout = 60

/** It is stopped where it runs, and goes on here where the move fails. */
export async function migrateOffline(
  machine: Machine,
  target: NamedHost,
  options: OfflineOptions,
  call: ActCall,
  journal: MoveJournal,
): Promise<MigrateResult> {
  const { host, view } = machine
  const { signal } = call
  const running = options.running ?? (view.state === 'running' || view.state === 'paused')
  // what the libvirt there does not know of yet is somebody's, too; in a folder that both hosts have, it is the machine's own
  await refreshPools(target.host, poolsOf(machine, options), signal)
  const disks = await placesOf(machine, target.host, options, signal)
  const seeds = await seedsOf(machine, target.host, options, signal)
  const left = { from: view.host, volumes: ownVolumes(machine), autostart: view.autostart }
  const folder = await mkdtemp(join(options.scratch ?? tmpdir(), 'infra-migrate-'))
  try {
    await journal.begin({
      verb: 'migrate',
      name: view.name,
      uuid: view.uuid,
      ...(view.address !== undefined && { owner: view.address }),
      from: view.host,
      to: target.name,
      live: false,
      running,
      made: [...disks, ...seeds],
      left,
      scratch: folder,
      choice: {
        ...(options.pool !== undefined && { pool: options.pool }),
        ...(options.timeoutSeconds !== undefined && { timeoutSeconds: options.timeoutSeconds }),
      },
    })
    let made: RestoredMachine
    try {
      made = await copyOver(machine, target, folder, seeds, options, call)
      await arrive(target.host, view.uuid, { autostart: view.autostart, running }, call)
    } catch (error) {
      if (await goOn(machine, target.host, { disks, seeds }, running, error)) journal.ended()
      throw error
    }
    // from here on it must never run on the first host again
    call.progress(`removes it from ${view.host}`)
    return {
      from: view.host,
      to: target.name,
      live: false,
      state: running ? 'running' : 'shut off',
      volumes: made.volumes,
      remarks: made.remarks,
      left: await removeLeft(host, view.uuid, left, signal),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Stops it, and makes it on the other host by way of the folder. */
async function copyOver(
  machine: Machine,
  target: NamedHost,
  folder: string,
  seeds: readonly VolumeName[],
  { pool, timeoutSeconds = defaultTimeout }: OfflineOptions,
  call: ActCall,
): Promise<RestoredMachine> {
  const { host, domain, view, live } = machine
  if (live !== undefined) call.progress('shuts down')
  await stop(host, domain, timeoutSeconds, call)
  const off: Machine = { ...machine, live: undefined, view: { ...view, state: 'shut off' } }
  const backup = await backupMachine(off, { root: folder }, call)
  for (const seed of seeds) await copySeed(host, target.host, seed, call.signal)
  return restoreBackup(target, backup, { ...(pool !== undefined && { pool }), proved: true }, call)
}

/** What was made there is removed, and it goes on here. Resolves to whether all is as it was. */
async function goOn(
  { host, domain, view }: Machine,
  there: Host,
  { disks, seeds }: { readonly disks: readonly VolumeName[]; readonly seeds: readonly VolumeName[] },
  running: boolean,
  cause: unknown,
): Promise<boolean> {
  // somebody made one of that name meanwhile: it is theirs
  const foreign = cause instanceof InfraError && ['exists', 'volume-exists'].includes(cause.code)
  const signal = AbortSignal.timeout(60_000)
  const removed = foreign
    ? removeNamed(there, seeds, signal)
    : takeBack(there, view.uuid, [...disks, ...seeds], signal)
  // the error that led here is the one to tell
  const isClean = await removed.then(
    () => true,
    () => false,
  )
  const runs =
    !running ||
    (await start(host, domain, AbortSignal.timeout(60_000)).then(
      () => true,
      () => false,
    ))
  return isClean && runs
}

/** Its disks there, none of which may be there yet: found out before it is stopped. */
async function placesOf(
  { host, stored, view }: Machine,
  there: Host,
  { pool }: OfflineOptions,
  signal: AbortSignal,
): Promise<readonly VolumeName[]> {
  const places: VolumeName[] = []
  for (const disk of stored.disks) {
    if (disk.role !== 'boot' && disk.role !== 'data') continue
    const source = await volumeOf(host, disk, signal)
    if (source === undefined) continue
    const name = restoredVolume(view.name, disk, source.name, true)
    places.push({ pool: pool ?? source.pool, name })
  }
  const found = await Promise.all(
    places.map(async place => (await volumeAt(there, place, signal)) !== undefined),
  )
  requireFree(
    places.filter((_, index) => found[index]),
    'Where both hosts have one storage under that name these are its own: move it while it runs. Else into another pool (--pool).',
  )
  return places
}

/** Pools there that its disks and seeds may come into. */
function poolsOf({ stored }: Machine, { pool }: OfflineOptions): readonly string[] {
  const own = stored.disks.flatMap(disk => disk.pool ?? [])
  return [...new Set(pool === undefined ? own : [...own, pool])]
}

async function volumeAt(
  host: Host,
  { pool: poolName, name }: VolumeName,
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const pool = await findPool(host, poolName, signal)
  return pool && findVolume(host, pool, name, signal)
}

/** The seeds of its first set-up, which its definition names, and which are not there. */
async function seedsOf(
  { host, stored }: Machine,
  there: Host,
  { pool }: OfflineOptions,
  signal: AbortSignal,
): Promise<readonly VolumeName[]> {
  const seeds: VolumeName[] = []
  for (const disk of stored.disks) {
    if (disk.role !== 'seed' || disk.pool === undefined || disk.volume === undefined) continue
    // into another pool its definition would not find it: then it does without
    if (pool !== undefined && pool !== disk.pool) continue
    const seed = { pool: disk.pool, name: disk.volume }
    const isHere = (await volumeAt(host, seed, signal)) !== undefined
    if (isHere && (await volumeAt(there, seed, signal)) === undefined) seeds.push(seed)
  }
  return seeds
}

async function copySeed(here: Host, there: Host, seed: VolumeName, signal: AbortSignal): Promise<void> {
  const [from, to] = await Promise.all([volumeAt(here, seed, signal), findPool(there, seed.pool, signal)])
  if (from === undefined || to === undefined) return
  await putVolume(there, to, seed.name, await volumeBytes(here, from, signal), signal)
}

/** It is read back on the other host, and runs there where it ran here. Called again, it goes on. */
export async function arrive(
  there: Host,
  uuid: string,
  { autostart, running }: { readonly autostart: boolean; readonly running: boolean },
  call: ActCall,
): Promise<void> {
  const { signal } = call
  const domain = await ask(there, procedures.domains.lookupByUuid, { uuid }, signal)
  await ask(there, procedures.domains.setAutostart, { domain, autostart }, signal)
  if (!running) return
  call.progress('starts there')
  await start(there, domain, signal)
  const flags = domainXmlFlags.inactive
  const root = parseXml(await ask(there, procedures.domains.xml, { domain, flags }, signal))
  const { document } = readMetadata(root)
  if (document !== undefined) await untilReady(there, domain, document, call)
}

/** Nothing of it stays on the other host: neither its definition nor what was made for it. */
export async function takeBack(
  there: Host,
  uuid: string,
  made: readonly VolumeName[],
  signal: AbortSignal,
): Promise<void> {
  const domain = await orAbsent(ask(there, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
  if (domain !== undefined) {
    await stop(there, domain, 0, { signal, progress: () => undefined })
    const { managedSave, nvram } = undefineFlags
    await ask(there, procedures.domains.undefine, { domain, flags: managedSave | nvram }, signal)
  }
  await removeNamed(there, made, signal)
}
