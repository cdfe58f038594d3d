/**
 * The disks of a machine as files that stand alone: of a running machine QEMU copies them itself, as of one moment; of one that
 * is off they are fetched as they are, or made whole first.
 */
import { dirname, join } from 'node:path'
import { InfraError, messageOf } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { whileBusy } from '../refresh.js'
import { LibvirtError } from '../rpc/errors.js'
import { procedures } from '../rpc/procedures/index.js'
import { downloadVolume } from '../rpc/transfer.js'
import type { Volume } from '../rpc/types.js'
import { deleteVolume } from '../storage.js'
import type { StoredVolume } from '../volume-reading.js'
import { serializeXml } from '../xml/serialize.js'
import { element } from '../xml/tree.js'
import { buildVolume } from '../xml/volume.js'
import { writeChunks } from './backup-files.js'
import type { Manifest } from './backup-store.js'
import type { ActCall } from './each.js'
import type { VolumeName } from './journaled.js'
import { cleanUpAndThrow } from './left-behind.js'
import type { Machine } from './machines.js'
import { refreshPools } from './pools.js'

const lookEvery = 250
const cleanUpTime = 60_000

/** VIR_DOMAIN_JOB_NONE; of completed ones VIR_DOMAIN_JOB_COMPLETED. */
const jobTypes = { none: 0, completed: 3 } as const
const completedJob = 1

/** A disk to be copied. */
export interface Source {
  readonly device: string
  readonly volume: Volume
  readonly reading: StoredVolume
}

/** QEMU copies all disks as of one moment into files of the pools, which are fetched and removed. */
export async function saveRunning(
  machine: Machine,
  sources: readonly Source[],
  folder: string,
  id: string,
  options: { readonly quiesce?: boolean },
  call: ActCall,
): Promise<{ readonly disks: Manifest['disks']; readonly quiesced: boolean }> {
  const { host, view } = machine
  const { signal } = call
  const copies = sources.map(source => ({ source, name: copyName(id, source.device) }))
  const others = (machine.live ?? machine.stored).disks.filter(
    disk => !sources.some(one => one.device === disk.device),
  )
  const xml = element(
    'domainbackup',
    { mode: 'push' },
    element(
      'disks',
      {},
      copies.map(({ source, name }) =>
        element(
          'disk',
          { name: source.device, backup: 'yes', type: 'file' },
          element('driver', { type: 'qcow2' }),
          element('target', { file: `${dirname(source.reading.path)}/${name}` }),
        ),
      ),
      others.map(disk => element('disk', { name: disk.device, backup: 'no' })),
    ),
  )
  try {
    const quiesced = await copied(machine, serializeXml(xml), options, call)
    await refreshPools(host, [...new Set(sources.map(one => one.volume.pool))], signal)
    const disks: Manifest['disks'] = []
    for (const { source, name } of copies) {
      const pool = await findPool(host, source.volume.pool, signal)
      const copy = pool && (await findVolume(host, pool, name, signal))
      if (copy === undefined) throw failed(view.name, `QEMU's copy of ${source.device} is not there`)
      disks.push(await fetch(host, source, copy, 'qcow2', folder, call))
    }
    return { disks, quiesced }
  } finally {
    await removeCopies(
      host,
      copies.map(({ source, name }) => ({ pool: source.volume.pool, name })),
      call,
    )
  }
}

/** Lets QEMU make the copies, to their end; one that may have begun is ended where that fails. Returns whether the guest was frozen. */
async function copied(
  machine: Machine,
  backup: string,
  options: { readonly quiesce?: boolean },
  call: ActCall,
): Promise<boolean> {
  const { host, domain } = machine
  let mayRun = false
  const begin = async () => {
    try {
      const args = { domain, backup, checkpoint: undefined, flags: 0 }
      await ask(host, procedures.backups.begin, args, call.signal)
      mayRun = true
    } catch (error) {
      // what libvirt refuses has not begun, and a copy that runs then is another's
      mayRun = !(error instanceof LibvirtError)
      throw error
    }
  }
  try {
    const quiesced = await frozen(machine, options, call, begin)
    await untilCopied(machine, call)
    return quiesced
  } catch (error) {
    if (!mayRun) throw error
    return cleanUpAndThrow(error, `The copy may go on; virsh domjobabort ${domain.name} ends it`, () =>
      orAbsent(
        ask(host, procedures.backups.abortJob, { domain }, AbortSignal.timeout(cleanUpTime)),
        // it is over, or so is the machine
        'OPERATION_INVALID',
        'NO_DOMAIN',
      ),
    )
  }
}

/** Starts the copy with the guest's file systems frozen, where that is wanted and its agent answers. */
async function frozen(
  machine: Machine,
  options: { readonly quiesce?: boolean },
  call: ActCall,
  begin: () => Promise<void>,
): Promise<boolean> {
  const { host, domain, view } = machine
  const wanted = options.quiesce ?? view.agent
  if (!wanted) {
    await begin()
    return false
  }
  const args = { domain, mountpoints: [], flags: 0 }
  try {
    await ask(host, procedures.domains.freeze, args, call.signal)
  } catch (error) {
    if (options.quiesce) throw error
    call.signal.throwIfAborted()
    call.progress('its guest cannot freeze its file systems: it is as after a loss of power')
    await begin()
    return false
  }
  try {
    await begin()
  } finally {
    // whatever happened: a frozen guest is a dead one
    await ask(host, procedures.domains.thaw, args, AbortSignal.timeout(cleanUpTime))
  }
  return true
}

async function untilCopied({ host, domain, view }: Machine, call: ActCall): Promise<void> {
  const { signal } = call
  let told = 0
  for (;;) {
    const { type, parameters } = await ask(host, procedures.backups.jobStats, { domain, flags: 0 }, signal)
    if (type === jobTypes.none) break
    const value = (field: string) => Number(parameters.find(one => one.field === field)?.value ?? 0)
    const total = value('disk_total')
    if (total > 0 && host.ports.clock.now() - told > 2_000) {
      told = host.ports.clock.now()
      call.progress(`copies: ${Math.floor((value('disk_processed') / total) * 100)} %`)
    }
    await host.ports.clock.sleep(lookEvery, signal)
  }
  const last = await ask(host, procedures.backups.jobStats, { domain, flags: completedJob }, signal)
  if (last.type === jobTypes.completed) return
  const why = last.parameters.find(one => one.field === 'errmsg')?.value
  throw failed(view.name, why === undefined ? 'QEMU ended the copy early' : String(why))
}

/** A disk that stands alone is fetched as it is; one that is based on another is made whole first, by libvirt. */
export async function saveStopped(
  { host, view }: Pick<Machine, 'host' | 'view'>,
  sources: readonly Source[],
  folder: string,
  id: string,
  call: ActCall,
): Promise<Manifest['disks']> {
  const { signal } = call
  const disks: Manifest['disks'] = []
  for (const source of sources) {
    const { volume, reading, device } = source
    if (reading.backingPath === undefined) {
      disks.push(
        await fetch(host, source, volume, reading.format === 'qcow2' ? 'qcow2' : 'raw', folder, call),
      )
      continue
    }
    const name = copyName(id, device)
    const pool = await findPool(host, volume.pool, signal)
    if (pool === undefined) throw failed(view.name, `the pool ${volume.pool} of ${device} is gone`)
    call.progress(`makes a copy of ${device} that stands alone`)
    const xml = serializeXml(buildVolume({ name, capacityBytes: reading.capacityBytes, format: 'qcow2' }))
    try {
      const copy = await whileBusy(
        () => ask(host, procedures.volumes.createFrom, { pool, xml, source: volume, flags: 0 }, signal),
        signal,
      )
      disks.push(await fetch(host, source, copy, 'qcow2', folder, call))
    } finally {
      await removeCopies(host, [{ pool: pool.name, name }], call)
    }
  }
  return disks
}

async function fetch(
  host: Host,
  source: Source,
  volume: Volume,
  format: 'qcow2' | 'raw',
  folder: string,
  call: ActCall,
): Promise<Manifest['disks'][number]> {
  const { device, reading } = source
  const name = `${device}.${format}`
  let told = host.ports.clock.now()
  const progress = (bytes: number) => {
    const now = host.ports.clock.now()
    if (now - told < 2_000) return
    told = now
    call.progress(`fetches ${device}: ${Math.round(bytes / 2 ** 20)} MiB`)
  }
  const written = await writeChunks(
    join(folder, name),
    downloadVolume(host.client, volume, { signal: call.signal, progress }),
  )
  return {
    name,
    ...written,
    device,
    format,
    capacityBytes: reading.capacityBytes,
    pool: source.volume.pool,
    volume: source.volume.name,
    path: reading.path,
  }
}

/** Name of the copy of a disk that is on the host while a backup is made. */
export function copyName(id: string, device: string): string {
  return `infra-backup.${id}.${device}`
}

/** Those of the copies that are on the host. */
export async function copiesThere(
  host: Host,
  copies: readonly VolumeName[],
  signal: AbortSignal,
): Promise<readonly VolumeName[]> {
  const found = await Promise.all(
    copies.map(async ({ pool: name, name: volume }) => {
      const pool = await findPool(host, name, signal)
      return pool && findVolume(host, pool, volume, signal)
    }),
  )
  return copies.filter((_, index) => found[index] !== undefined)
}

/** Whatever happened, and whoever gave up: nothing of it stays on the host, or it is told what does. */
export async function removeCopies(
  host: Host,
  copies: readonly VolumeName[],
  { progress }: ActCall,
): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpTime)
  // Where a pool cannot be read anew, its copies are looked for all the same.
  await refreshPools(host, [...new Set(copies.map(one => one.pool))], signal).catch(() => undefined)
  await Promise.all(
    copies.map(async ({ pool: name, name: volume }) => {
      try {
        const pool = await findPool(host, name, signal)
        const copy = pool && (await findVolume(host, pool, volume, signal))
        if (copy !== undefined) await deleteVolume(host, copy, signal)
      } catch (error) {
        progress(`the copy ${name}:${volume} may still be there: ${messageOf(error)}`)
      }
    }),
  )
}

function failed(name: string, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'backup-failed',
    message: `The backup of ${name} failed`,
    why,
    hint: 'Is there room for a copy of its disks in their pools? infra storage status',
  })
}
