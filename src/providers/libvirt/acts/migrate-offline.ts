/**
 * Moving a machine to another host, switched off: all of it is copied by way of a backup, proved by its sums, made on the other
 * host with its UUID, addresses and owner, and removed here only once it is there (and runs, where it ran).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { start, stop } from '../power.js'
import { untilReady } from '../readiness.js'
import { undefineFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { deleteVolume, putVolume, volumeBytes } from '../storage.js'
import { backupMachine } from './backup.js'
import { restoreBackup } from './backup-restore.js'
import type { ActCall } from './each.js'
import type { Machine } from './machines.js'
import type { MigrateResult } from './migrate-result.js'
import type { NamedHost } from './open.js'
import { ownVolumes } from './own-volumes.js'

export interface OfflineOptions {
  /** Pool for its disks there; pools of the same names by default. */
  readonly pool?: string
  /** Folder for the copy on its way; the system's for temporary files by default. */
  readonly scratch?: string
  readonly timeoutSeconds?: number
}

const defaultTimeout = 60

/** It is stopped where it runs, and goes on here where the move fails. */
export async function migrateOffline(
  machine: Machine,
  target: NamedHost,
  options: OfflineOptions,
  call: ActCall,
): Promise<MigrateResult> {
  const { host, domain, view } = machine
  const { signal } = call
  const running = view.state === 'running' || view.state === 'paused'
  const folder = await mkdtemp(join(options.scratch ?? tmpdir(), 'infra-migrate-'))
  try {
    if (running) {
      call.progress('shuts down')
      await stop(host, domain, options.timeoutSeconds ?? defaultTimeout, call)
    }
    const off: Machine = { ...machine, live: undefined, view: { ...view, state: 'shut off' } }
    const backup = await backupMachine(off, { root: folder }, call)
    const seeds = await copySeeds(off, target.host, options, signal)
    let made: Awaited<ReturnType<typeof restoreBackup>>
    try {
      made = await restoreBackup(
        target,
        backup,
        { ...(options.pool !== undefined && { pool: options.pool }) },
        call,
      )
    } catch (error) {
      await removeSeeds(target.host, seeds)
      throw error
    }
    try {
      await arrive(machine, target.host, running, call)
    } catch (error) {
      await takeBack(target.host, made.volumes, seeds, view.uuid)
      throw error
    }
    call.progress(`removes it from ${view.host}`)
    await removeSource(off, signal)
    return {
      from: view.host,
      to: target.name,
      live: false,
      state: running ? 'running' : 'shut off',
      volumes: made.volumes,
      remarks: made.remarks,
    }
  } catch (error) {
    // it is still here: it goes on as before
    if (running) await start(host, domain, AbortSignal.timeout(60_000)).catch(() => undefined)
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The seeds of its first set-up, which its definition names. */
async function copySeeds(
  { host, stored }: Machine,
  there: Host,
  options: OfflineOptions,
  signal: AbortSignal,
): Promise<readonly { readonly pool: string; readonly name: string }[]> {
  const copied: { pool: string; name: string }[] = []
  for (const disk of stored.disks) {
    if (disk.role !== 'seed' || disk.pool === undefined || disk.volume === undefined) continue
    const [from, to] = [
      await findPool(host, disk.pool, signal),
      await findPool(there, options.pool ?? disk.pool, signal),
    ]
    const volume = from && (await findVolume(host, from, disk.volume, signal))
    // into another pool its definition would not find it: then it does without
    if (volume === undefined || to === undefined || to.name !== disk.pool) continue
    if ((await findVolume(there, to, disk.volume, signal)) !== undefined) continue
    await putVolume(there, to, disk.volume, await volumeBytes(host, volume, signal), signal)
    copied.push({ pool: to.name, name: disk.volume })
  }
  return copied
}

async function removeSeeds(
  there: Host,
  seeds: readonly { readonly pool: string; readonly name: string }[],
): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  for (const { pool: name, name: volume } of seeds) {
    const pool = await findPool(there, name, signal).catch(() => undefined)
    const found = pool && (await findVolume(there, pool, volume, signal).catch(() => undefined))
    if (found !== undefined) await deleteVolume(there, found, signal).catch(() => undefined)
  }
}

/** It is read back on the other host, and runs there where it ran here. */
async function arrive(machine: Machine, there: Host, running: boolean, call: ActCall): Promise<void> {
  const { uuid } = machine.view
  const domain = await ask(there, procedures.domains.lookupByUuid, { uuid }, call.signal)
  await ask(
    there,
    procedures.domains.setAutostart,
    { domain, autostart: machine.view.autostart },
    call.signal,
  )
  if (!running) return
  call.progress('starts there')
  await start(there, domain, call.signal)
  const { document } = machine.stored.metadata
  if (document !== undefined) await untilReady(there, domain, document, call)
}

async function takeBack(
  there: Host,
  volumes: readonly string[],
  seeds: readonly { readonly pool: string; readonly name: string }[],
  uuid: string,
): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  try {
    const domain = await orAbsent(ask(there, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
    if (domain !== undefined) {
      await stop(there, domain, 0, { signal, progress: () => undefined })
      const { managedSave, nvram } = undefineFlags
      await ask(there, procedures.domains.undefine, { domain, flags: managedSave | nvram }, signal)
    }
  } catch {
    // the error that led here is the one to tell
  }
  const own = volumes.map(reference => ({
    pool: reference.slice(0, reference.indexOf(':')),
    name: reference.slice(reference.indexOf(':') + 1),
  }))
  await removeSeeds(there, [...own, ...seeds])
}

/** The domain, and the volumes that are its own by their names; others that it used stay. */
async function removeSource(machine: Machine, signal: AbortSignal): Promise<void> {
  const { host, domain } = machine
  const { managedSave, snapshots, checkpoints, nvram } = undefineFlags
  await ask(
    host,
    procedures.domains.undefine,
    { domain, flags: managedSave | snapshots | checkpoints | nvram },
    signal,
  )
  const own = ownVolumes(machine)
  const pools = new Map(
    await Promise.all(
      [...new Set(own.map(one => one.pool))].map(async name => {
        const pool = await findPool(host, name, signal)
        if (pool !== undefined) await host.refresher.refresh(pool)
        return [name, pool] as const
      }),
    ),
  )
  for (const { pool: poolName, name } of own) {
    const pool = pools.get(poolName)
    const volume = pool && (await findVolume(host, pool, name, signal))
    if (volume !== undefined) await deleteVolume(host, volume, signal)
  }
}
