/**
 * Backing machines up: every disk as a file that stands alone, the definition, the UEFI variables, and a manifest with their
 * sums, read back before it counts. A running machine is copied by QEMU itself, as of one moment; one that is off by libvirt.
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { readFile } from '../folder-pool.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { volumeReading } from '../volume-reading.js'
import type { DomainReading } from '../xml/domain-read.js'
import { copiesThere, copyName, type Source, saveRunning, saveStopped } from './backup-copy.js'
import { writeBytes } from './backup-files.js'
import { type Backup, beginBackup, finishBackup, type Manifest, verifyBackup } from './backup-store.js'
import type { ActCall } from './each.js'
import { type ActJournal, identityOf, unjournaled, type VolumeName } from './journaled.js'
import type { BackupCreateAct } from './journaled-backup.js'
import type { Machine } from './machines.js'
import { findNvramFile } from './nvram.js'

const cleanUpTime = 60_000

export interface BackupOptions {
  /** Folder of all backups. */
  readonly root: string
  /** Has the guest freeze its file systems for the moment it is of; where its agent answers by default. */
  readonly quiesce?: boolean
  /** Of one that is begun again: its id. */
  readonly id?: string
}

/** Makes a backup and reads it back. What was half made is removed where it fails. */
export async function backupMachine(
  machine: Machine,
  options: BackupOptions,
  call: ActCall,
  journal: ActJournal<BackupCreateAct> = unjournaled,
): Promise<Backup> {
  const { host, domain, view } = machine
  const { signal } = call
  const at = new Date(host.ports.clock.now()).toISOString()
  const id = options.id ?? `${at.replace(/[-:]|\.\d+/g, '')}-${randomUUID().slice(0, 4)}`
  const running = view.state === 'running' || view.state === 'paused'
  const { sources, missing } = await sourcesOf(machine, signal)
  const copies = sources.map(({ device, volume }) => ({ pool: volume.pool, name: copyName(id, device) }))
  const { root, quiesce } = options
  await journal.begin({
    verb: 'backup-create',
    ...identityOf(machine),
    root,
    id,
    copies,
    ...(quiesce !== undefined && { quiesce }),
  })
  const folder = await beginBackup(root, view.name, id)
  try {
    const xml = await ask(
      host,
      procedures.domains.xml,
      { domain, flags: domainXmlFlags.inactive | domainXmlFlags.secure },
      signal,
    )
    const definition = {
      name: 'domain.xml',
      ...(await writeBytes(join(folder, 'domain.xml'), Buffer.from(xml))),
    }
    const nvram = await saveNvram(machine, folder, signal)
    const { disks, quiesced } = running
      ? await saveRunning(machine, sources, folder, id, options, call)
      : { disks: await saveStopped(machine, sources, folder, id, call), quiesced: false }
    const manifest: Manifest = {
      format: 'infra.backup/v1',
      id,
      machine: view.name,
      uuid: view.uuid,
      at,
      host: view.host,
      running,
      quiesced,
      domain: definition,
      ...(nvram !== undefined && { nvram }),
      disks,
      missing,
    }
    await verifyBackup({ folder, manifest }, signal, call.progress)
    return await finishBackup(folder, manifest)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (await areGone(host, copies)) journal.ended()
    throw error
  }
}

/** Whether nothing is left of a backup on its host; not where that cannot be told. */
async function areGone(host: Host, copies: readonly VolumeName[]): Promise<boolean> {
  const there = await copiesThere(host, copies, AbortSignal.timeout(cleanUpTime)).catch(() => copies)
  return there.length === 0
}

/** Disks with a volume of their own; what is on the network or empty is told as missing. */
async function sourcesOf(
  machine: Machine,
  signal: AbortSignal,
): Promise<{ readonly sources: readonly Source[]; readonly missing: string[] }> {
  const { host, stored, live } = machine
  const missing: string[] = []
  const sources: Source[] = []
  for (const disk of (live ?? stored).disks) {
    if (disk.role !== 'boot' && disk.role !== 'data') continue
    const volume = await volumeOf(host, disk, signal)
    if (volume === undefined) {
      missing.push(
        `the disk ${disk.device}: ${disk.reference ?? 'it is of the network'} is in no active storage pool`,
      )
      continue
    }
    const xml = await ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal)
    sources.push({ device: disk.device, volume, reading: volumeReading(volume, xml) })
  }
  if (stored.spec.tpm === true) missing.push('the state of its TPM: libvirt gives it to nobody')
  return { sources, missing }
}

/** The volume of a disk; undefined where it is of the network, or in no active pool. */
export async function volumeOf(
  host: Host,
  disk: DomainReading['disks'][number],
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const pool = disk.pool === undefined ? undefined : await findPool(host, disk.pool, signal)
  if (pool !== undefined && disk.volume !== undefined) return findVolume(host, pool, disk.volume, signal)
  if (disk.path === undefined) return undefined
  return orAbsent(ask(host, procedures.volumes.lookupByPath, { path: disk.path }, signal), 'NO_STORAGE_VOL')
}

async function saveNvram(
  { host, domain }: Machine,
  folder: string,
  signal: AbortSignal,
): Promise<Manifest['nvram']> {
  const path = await findNvramFile(host, domain, signal)
  if (path === undefined) return undefined
  const bytes = await readFile(host, dirname(path), basename(path), signal)
  if (bytes === undefined) return undefined
  return { name: 'nvram', path, ...(await writeBytes(join(folder, 'nvram'), bytes)) }
}
