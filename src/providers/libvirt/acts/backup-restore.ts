/**
 * A machine from a backup: under its own name where that is free, with its UUID and addresses, or under another as another
 * machine. The domain is defined first, marked as unfinished, and everything is removed again where it fails.
 */
import { createReadStream } from 'node:fs'
import { readFile as readLocal } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, findDomain, findVolume, type Host, orAbsent } from '../connection.js'
import { writeFile } from '../folder-pool.js'
import { bootVolume, dataVolume } from '../names.js'
import { setProgress, withProgress } from '../progress.js'
import type { Chunk } from '../rpc/channel.js'
import { procedures } from '../rpc/procedures/index.js'
import { uploadVolume } from '../rpc/transfer.js'
import type { Volume } from '../rpc/types.js'
import { activePool, createVolume } from '../storage.js'
import { readDisks } from '../xml/domain-read-disks.js'
import { parseXml } from '../xml/parse.js'
import { readPool } from '../xml/pool.js'
import { serializeXml } from '../xml/serialize.js'
import type { XmlElement } from '../xml/tree.js'
import { type Backup, type Manifest, verifyBackup } from './backup-store.js'
import type { ActCall } from './each.js'

import { type ActJournal, unjournaled } from './journaled.js'
import type { BackupRestoreAct } from './journaled-backup.js'
import { cleanUpAndThrow } from './left-behind.js'
import { type MadeMachine, newLogs, removeMade } from './made-machine.js'

import type { NamedHost } from './open.js'
import { refreshPools } from './pools.js'
import { definitionOf, nvramPath, type Target } from './restored-definition.js'

export interface BackupRestoreOptions {
  /** Its own by default. */
  readonly name?: string
  /** Pool for its disks; each its own by default. */
  readonly pool?: string
  readonly start?: boolean
  /** Whoever asks for it has proved the sums of the backup just now: they are not read again. */
  readonly proved?: boolean
  /** Of one that is begun again: the UUID that was chosen for it. */
  readonly uuid?: string
}

export interface RestoredMachine {
  readonly name: string
  readonly host: string
  readonly uuid: string
  readonly from: string
  /** `POOL:VOLUME` of each disk. */
  readonly volumes: readonly string[]
  readonly state: 'running' | 'shut off'
  /** Stays out: media that are not on this host, the TPM's state. */
  readonly remarks: readonly string[]
}

const cleanUpTime = 60_000

/**
 * Makes the machine and, where that is asked for, starts it. Fails with `exists` or `volume-exists` before anything is made,
 * and removes what it made where it fails later.
 */
export async function restoreBackup(
  { name: connection, host }: NamedHost,
  backup: Backup,
  options: BackupRestoreOptions,
  call: ActCall,
  journal: ActJournal<BackupRestoreAct> = unjournaled,
): Promise<RestoredMachine> {
  const { signal } = call
  const { manifest, folder } = backup
  const { start, pool } = options
  const name = options.name ?? manifest.machine
  const isSame = name === manifest.machine
  checkName(name)
  if (!options.proved) await verifyBackup(backup, signal, call.progress)
  if ((await findDomain(host, { name }, signal)) !== undefined) throw taken(name, isSame)
  const root = parseXml(await readLocal(join(folder, manifest.domain.name), 'utf8'))
  const targets = await targetsOf(host, manifest, root, name, pool, signal)
  const uuid = options.uuid ?? (await uuidFor(host, manifest, isSame, signal))
  const { definition, remarks } = await definitionOf(
    host,
    root,
    { name, uuid, isSame, targets, manifest },
    signal,
  )
  const made: MadeMachine = {
    name,
    uuid,
    volumes: targets.map(target => ({ pool: target.pool.name, name: target.volume })),
    logs: await newLogs(host, definition, signal),
  }
  const choice = { ...(pool !== undefined && { pool }), ...(start && { start }) }
  await journal.begin({ verb: 'backup-restore', ...made, folder, choice })
  try {
    const xml = serializeXml(withProgress(definition, 'creating'))
    const domain = await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
    for (const target of targets) await putDisk(host, folder, target, call)
    await putNvram(host, backup, name, signal)
    await setProgress(host, domain, undefined, signal)
    if (start) await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
  } catch (error) {
    return cleanUpAndThrow(
      error,
      `The machine ${name} or disks of it may be left half restored`,
      async () => {
        await removeMade(host, made, AbortSignal.timeout(cleanUpTime))
        journal.ended()
      },
    )
  }
  return {
    name,
    host: connection,
    uuid,
    from: `${manifest.machine}/${manifest.id}`,
    volumes: targets.map(({ pool, volume }) => `${pool.name}:${volume}`),
    state: options.start ? 'running' : 'shut off',
    remarks: [...remarks, ...manifest.missing.map(one => `not in the backup: ${one}`)],
  }
}

/** Where each disk goes; a volume of that name must not be there: it is somebody's. */
async function targetsOf(
  host: Host,
  manifest: Manifest,
  root: XmlElement,
  name: string,
  poolName: string | undefined,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  const roles = new Map(readDisks(root, manifest.machine).map(disk => [disk.device, disk.role]))
  const targets = await Promise.all(
    manifest.disks.map(async (disk): Promise<Target> => {
      const pool = await activePool(host, poolName ?? disk.pool ?? '', signal)
      const { device, volume: was } = disk
      const volume = restoredVolume(name, { device, role: roles.get(device) }, was, name === manifest.machine)
      const { path } = readPool(parseXml(await ask(host, procedures.pools.xml, { pool, flags: 0 }, signal)))
      return { disk, pool, folder: path, volume }
    }),
  )
  // what libvirt does not know of yet is somebody's, too
  await refreshPools(host, [...new Set(targets.map(({ pool }) => pool.name))], signal)
  const there = await Promise.all(targets.map(({ pool, volume }) => findVolume(host, pool, volume, signal)))
  requireFree(
    there.flatMap(one => one ?? []),
    'Restore it under another name (--as), or into another pool (--pool).',
  )
  return targets
}

/** Name of the volume that a disk of a machine of this name is put into. */
export function restoredVolume(
  machine: string,
  { device, role }: { readonly device: string; readonly role: string | undefined },
  was: string | undefined,
  isSame: boolean,
): string {
  // under its own name a disk keeps the volume's name that it was made under, overlays of snapshots aside
  const known = isSame ? was?.replace(/(_boot|_data-[a-z]+)\..*$/, '$1') : undefined
  return known ?? (role === 'boot' ? bootVolume(machine) : dataVolume(machine, device))
}

/** Fails with `volume-exists` where volumes are there that are to be made. */
export function requireFree(
  there: readonly { readonly pool: string; readonly name: string }[],
  hint: string,
): void {
  if (there.length === 0) return
  const names = there.map(one => `${one.pool}:${one.name}`)
  throw new InfraError({
    kind: 'storage',
    code: 'volume-exists',
    message: `There are volumes with the names of its disks: ${names.join(', ')}`,
    why: 'Whose they are is not known, and nothing is written over',
    hint,
  })
}

/** Its own under its own name, where no machine has it now. */
async function uuidFor(
  host: Host,
  manifest: Manifest,
  isSame: boolean,
  signal: AbortSignal,
): Promise<string> {
  const { uuid } = manifest
  if (!isSame) return host.ports.random.uuid()
  const there = await orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
  return there === undefined ? uuid : host.ports.random.uuid()
}

async function putDisk(
  host: Host,
  folder: string,
  { disk, pool, volume }: Target,
  call: ActCall,
): Promise<Volume> {
  const { signal } = call
  const made = await createVolume(
    host,
    pool,
    { name: volume, capacityBytes: disk.bytes, format: 'raw' },
    signal,
  )
  let told = host.ports.clock.now()
  await uploadVolume(host.client, made, zerosAsHoles(join(folder, disk.name)), {
    signal,
    length: disk.bytes,
    progress: bytes => {
      const now = host.ports.clock.now()
      if (now - told < 2_000) return
      told = now
      call.progress(`puts ${disk.device} back: ${Math.floor((bytes / Math.max(disk.bytes, 1)) * 100)} %`)
    },
  })
  // only by looking again libvirt learns what is in it
  await host.refresher.refresh(pool)
  return made
}

async function* zerosAsHoles(path: string): AsyncGenerator<Chunk> {
  const size = 1 << 20
  const zeros = Buffer.alloc(size)
  for await (const chunk of createReadStream(path, { highWaterMark: size })) {
    const bytes = chunk as Buffer
    yield bytes.equals(zeros.subarray(0, bytes.length)) ? { hole: bytes.length } : bytes
  }
}

async function putNvram(
  host: Host,
  { folder, manifest }: Backup,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  if (manifest.nvram === undefined) return
  const path = nvramPath(manifest, name)
  const bytes = await readLocal(join(folder, manifest.nvram.name))
  await writeFile(host, dirname(path), basename(path), bytes, signal)
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/.test(name)) return
  throw new InfraError({
    kind: 'configuration',
    code: 'invalid-name',
    message: `${JSON.stringify(name)} is no name for a machine`,
    hint: 'Use letters, digits, dashes and underscores.',
  })
}

function taken(name: string, isSame: boolean): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'exists',
    message: `There is a machine ${name} already`,
    hint: isSame
      ? 'Restore it under another name with --as, or delete that one first.'
      : 'Choose another name.',
  })
}
