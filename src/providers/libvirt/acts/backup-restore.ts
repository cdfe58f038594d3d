/**
 * A machine from a backup: under its own name where that is free, with its UUID and addresses, or under another as another
 * machine. The domain is defined first, marked as unfinished, and everything is removed again where it fails.
 */
import { createReadStream } from 'node:fs'
import { readFile as readLocal } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, findDomain, findVolume, type Host, orAbsent } from '../connection.js'
import { writeFile } from '../folder-pool.js'
import { bootVolume, dataVolume, seedVolume } from '../names.js'
import { setProgress, withProgress } from '../progress.js'
import type { Chunk } from '../rpc/channel.js'
import { undefineFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { uploadVolume } from '../rpc/transfer.js'
import type { Pool, Volume } from '../rpc/types.js'
import { activePool, createVolume, deleteVolume } from '../storage.js'
import { readDisks } from '../xml/domain-read-disks.js'
import { namespace } from '../xml/metadata.js'
import { parseXml } from '../xml/parse.js'
import { readPool } from '../xml/pool.js'
import { serializeXml } from '../xml/serialize.js'
import { element, find, type XmlElement, type XmlNode } from '../xml/tree.js'
import { type Backup, type Manifest, verifyBackup } from './backup-store.js'
import type { ActCall } from './each.js'
import { nvramFolder } from './nvram.js'
import type { NamedHost } from './open.js'

export interface BackupRestoreOptions {
  /** Its own by default. */
  readonly name?: string
  /** Pool for its disks; each its own by default. */
  readonly pool?: string
  readonly start?: boolean
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

interface Target {
  readonly disk: Manifest['disks'][number]
  readonly pool: Pool
  /** Folder of the pool; undefined for pools that are none. */
  readonly folder: string | undefined
  readonly volume: string
}

const cleanUpTime = 60_000

export async function restoreBackup(
  { name: connection, host }: NamedHost,
  backup: Backup,
  options: BackupRestoreOptions,
  call: ActCall,
): Promise<RestoredMachine> {
  const { signal } = call
  const { manifest, folder } = backup
  const name = options.name ?? manifest.machine
  const isSame = name === manifest.machine
  checkName(name)
  await verifyBackup(backup, signal, call.progress)
  if ((await findDomain(host, { name }, signal)) !== undefined) throw taken(name, isSame)
  const root = parseXml(await readLocal(join(folder, manifest.domain.name), 'utf8'))
  const targets = await targetsOf(host, manifest, root, name, options.pool, signal)
  const uuid = await uuidFor(host, manifest, isSame, signal)
  const { definition, remarks } = await definitionOf(
    host,
    root,
    { name, uuid, isSame, targets, manifest },
    signal,
  )
  const xml = serializeXml(withProgress(definition, 'creating'))
  const domain = await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  const made: Volume[] = []
  try {
    for (const target of targets) made.push(await putDisk(host, folder, target, call))
    await putNvram(host, backup, name, signal)
    await setProgress(host, domain, undefined, signal)
    if (options.start) await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
  } catch (error) {
    await removeAll(host, domain.uuid, made)
    throw error
  }
  return {
    name,
    host: connection,
    uuid: domain.uuid,
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
      const own = roles.get(disk.device) === 'boot' ? bootVolume(name) : dataVolume(name, disk.device)
      // under its own name a disk keeps the volume's name that it was made under, overlays of snapshots aside
      const known =
        name === manifest.machine ? disk.volume?.replace(/(_boot|_data-[a-z]+)\..*$/, '$1') : undefined
      const { path } = readPool(parseXml(await ask(host, procedures.pools.xml, { pool, flags: 0 }, signal)))
      return { disk, pool, folder: path, volume: known ?? own }
    }),
  )
  const there = await Promise.all(targets.map(({ pool, volume }) => findVolume(host, pool, volume, signal)))
  const names = there.flatMap(one => (one === undefined ? [] : [`${one.pool}:${one.name}`]))
  if (names.length === 0) return targets
  throw new InfraError({
    kind: 'storage',
    code: 'volume-exists',
    message: `There are volumes with the names of its disks: ${names.join(', ')}`,
    why: 'Whose they are is not known, and nothing is written over',
    hint: 'Restore it under another name (--as), or into another pool (--pool).',
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

interface Wanted {
  readonly name: string
  readonly uuid: string
  readonly isSame: boolean
  readonly targets: readonly Target[]
  readonly manifest: Manifest
}

async function definitionOf(
  host: Host,
  root: XmlElement,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ readonly definition: XmlElement; readonly remarks: readonly string[] }> {
  const remarks: string[] = []
  const parts = await Promise.all(
    root.children.map(async (child): Promise<XmlNode[]> => {
      if (typeof child === 'string') return [child]
      switch (child.name) {
        case 'name':
          return [element('name', {}, wanted.name)]
        case 'uuid':
          return [element('uuid', {}, wanted.uuid)]
        case 'metadata':
          return [wanted.isSame ? child : withoutOwner(child)]
        case 'os':
          return [osFor(child, wanted)]
        case 'devices':
          return [await devicesFor(host, child, wanted, remarks, signal)]
        default:
          return [child]
      }
    }),
  )
  return { definition: { ...root, children: parts.flat() }, remarks }
}

/** Another machine is nobody's yet: its tag would say that it is the one it was copied from. */
function withoutOwner(metadata: XmlElement): XmlElement {
  const kept = metadata.children.filter(
    child => typeof child === 'string' || !Object.values(child.attributes).includes(namespace),
  )
  return { ...metadata, children: kept }
}

function osFor(os: XmlElement, wanted: Wanted): XmlElement {
  if (wanted.isSame) return os
  return {
    ...os,
    children: os.children.flatMap((child): XmlNode[] => {
      if (typeof child === 'string' || child.name !== 'nvram') return [child]
      if (wanted.manifest.nvram === undefined) return []
      return [{ ...child, children: [nvramPath(wanted.manifest, wanted.name)] }]
    }),
  }
}

function nvramPath(manifest: Manifest, name: string): string {
  const path = manifest.nvram?.path ?? ''
  return name === manifest.machine ? path : `${dirname(path) || nvramFolder}/${name}_VARS${extname(path)}`
}

async function devicesFor(
  host: Host,
  devices: XmlElement,
  wanted: Wanted,
  remarks: string[],
  signal: AbortSignal,
): Promise<XmlElement> {
  const byDevice = new Map(wanted.targets.map(target => [target.disk.device, target]))
  const children = await Promise.all(
    devices.children.map(async (child): Promise<XmlNode[]> => {
      if (typeof child === 'string') return [child]
      if (child.name === 'disk') {
        const device = find(child, 'target')?.attributes.dev ?? ''
        const target = byDevice.get(device)
        if (target !== undefined) return [diskFor(child, target)]
        if (await isThere(host, child, wanted, signal)) return [child]
        remarks.push(`without the disk ${device}, which is not on this host or belongs to the other machine`)
        return []
      }
      if (child.name === 'interface' && !wanted.isSame) return [interfaceFor(child)]
      if (child.name === 'serial' || child.name === 'console') return [serialFor(child, wanted)]
      return [child]
    }),
  )
  return { ...devices, children: children.flat() }
}

function diskFor(disk: XmlElement, { pool, volume, disk: saved }: Target): XmlElement {
  return {
    ...disk,
    attributes: { ...disk.attributes, type: 'volume' },
    children: disk.children.flatMap((child): XmlNode[] => {
      if (typeof child === 'string') return [child]
      if (child.name === 'backingStore') return []
      if (child.name === 'source') return [element('source', { pool: pool.name, volume })]
      return child.name === 'driver'
        ? [{ ...child, attributes: { ...child.attributes, type: saved.format } }]
        : [child]
    }),
  }
}

/** Media and disks that are no part of a backup: kept where they are there, and not the seed of the other machine. */
async function isThere(host: Host, disk: XmlElement, wanted: Wanted, signal: AbortSignal): Promise<boolean> {
  const source = find(disk, 'source')?.attributes
  if (source === undefined) return true
  if (source.protocol !== undefined) return wanted.isSame
  const seed = seedVolume(wanted.manifest.machine)
  const name = source.volume ?? source.file?.split('/').at(-1) ?? ''
  if (!wanted.isSame && (name === seed || name === `${seed}.iso`)) return false
  const pool =
    source.pool === undefined
      ? undefined
      : await orAbsent(
          ask(host, procedures.pools.lookupByName, { name: source.pool }, signal),
          'NO_STORAGE_POOL',
        )
  if (pool !== undefined && source.volume !== undefined)
    return (await findVolume(host, pool, source.volume, signal)) !== undefined
  const path = source.file ?? source.dev
  if (path === undefined) return false
  return (
    (await orAbsent(ask(host, procedures.volumes.lookupByPath, { path }, signal), 'NO_STORAGE_VOL')) !==
    undefined
  )
}

/** Another machine has other addresses: libvirt chooses them. */
function interfaceFor(found: XmlElement): XmlElement {
  return {
    ...found,
    children: found.children.filter(
      child => typeof child === 'string' || (child.name !== 'mac' && child.name !== 'target'),
    ),
  }
}

/** Its log goes beside its disks, as it did; two machines must not write into one file. */
function serialFor(found: XmlElement, wanted: Wanted): XmlElement {
  return {
    ...found,
    children: found.children.map(child => {
      const file = typeof child !== 'string' && child.name === 'log' ? child.attributes.file : undefined
      if (typeof child === 'string' || file === undefined) return child
      return { ...child, attributes: { ...child.attributes, file: logFor(file, wanted) } }
    }),
  }
}

function logFor(file: string, { name, manifest, isSame, targets }: Wanted): string {
  const beside = targets.find(
    target => target.disk.path !== undefined && dirname(target.disk.path) === dirname(file),
  )
  const folder = beside?.folder ?? dirname(file)
  if (isSame) return join(folder, basename(file))
  const own = `${manifest.machine}_`
  const called = basename(file)
  return join(folder, called.startsWith(own) ? `${name}_${called.slice(own.length)}` : `${called}.${name}`)
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

/** What was made in vain. */
async function removeAll(host: Host, uuid: string, volumes: readonly Volume[]): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpTime)
  const { managedSave, nvram } = undefineFlags
  try {
    const domain = await orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
    if (domain !== undefined) {
      await orAbsent(
        ask(host, procedures.domains.destroy, { domain, flags: 0 }, signal),
        'OPERATION_INVALID',
        'NO_DOMAIN',
      )
      await ask(host, procedures.domains.undefine, { domain, flags: managedSave | nvram }, signal)
    }
    for (const volume of volumes) await deleteVolume(host, volume, signal)
  } catch {
    // the error that led here is the one to tell
  }
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
