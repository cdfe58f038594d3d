/**
 * Removing a virtual machine with all that is its own. It is marked first and undefined last, so that a delete that is cut off
 * is found and goes on; its disks and UEFI variables are put away and can come back.
 */
import { basename, dirname } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type { Call, DeleteRequest } from '../provider.js'
import { ask, findDomain, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { readFile } from './folder-pool.js'
import { number } from './kinds/values.js'
import { serialLog } from './machine-input.js'
import type { MachineToken } from './machine-token.js'
import { bootVolume, dataVolume, ignitionVolume, seedVolume } from './names.js'
import { isActive, stop } from './power.js'
import { type Restoring, readProgress, readRestoring, setProgress } from './progress.js'
import { restoreNvram } from './restore-machine.js'
import { domainXmlFlags, undefineFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain, Volume } from './rpc/types.js'
import { deleteVolume, putVolume, readingOf } from './storage.js'
import { bringBack, empty, type KeptVolume, putAway, trashName, trashPath } from './trash.js'
import { dropUnusedSecrets } from './unused-secrets.js'
import { type DomainReading, readDomain } from './xml/domain-read.js'
import type { DiskReading } from './xml/domain-read-disks.js'
import { readMetadata } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'
import { find, findAll, type XmlElement } from './xml/tree.js'

/** Seconds that a guest gets to shut down before it is deleted. */
const defaultTimeout = 5

export async function deleteMachine(host: Host, request: DeleteRequest, call: Call): Promise<void> {
  const { signal } = call
  const { uuid } = request.identity
  const domain = await findDomain(host, { name: request.name, uuid }, signal)
  if (domain === undefined || (uuid !== undefined && domain.uuid !== uuid)) return
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  const xml = await ask(host, procedures.domains.xml, { domain, flags }, signal)
  const root = parseXml(xml)
  refuseForeign(request, root)
  const progress = readProgress(root)
  const reading = readDomain(root)
  const restoring = readRestoring(root)
  if (restoring) await bringRest(host, reading, restoring, signal)
  const files = await ownVolumes(host, reading, request.trash, signal)
  if (progress === 'creating') {
    // never finished, so never used: there is nothing to bring back
    await stop(host, domain, 0, call)
    await removeNow(host, files, signal)
    await undefine(host, domain, { keepTpm: false }, signal)
    return
  }
  const nvram = await findNvram(host, domain, reading, signal)
  const token = await makeToken(host, request, domain, { xml, root, reading, nvram }, files, signal)
  await call.keep(token as unknown as Json)
  await setProgress(host, domain, 'deleting', signal)
  await stop(host, domain, number(request.spec.shutdownTimeoutSeconds) ?? defaultTimeout, call)
  if (nvram !== undefined) await keepNvram(host, token, nvram, signal)
  await putAway(host, files, signal)
  await undefine(host, domain, { keepTpm: token.tpm }, signal)
}

/** Ends what a return that was cut off has begun: all of it is put away in one place, which the token tells. */
async function bringRest(
  host: Host,
  reading: DomainReading,
  { trash, nvram }: Restoring,
  signal: AbortSignal,
): Promise<void> {
  const volumes = await ownVolumes(host, reading, trash, signal)
  await bringBack(host, volumes, signal)
  const pool = reading.disks.find(disk => disk.role === 'boot')?.pool
  if (nvram === undefined || pool === undefined) return
  const volume = trashName(trash, `${reading.name}_nvram`)
  await restoreNvram(host, { name: reading.name, nvram: { path: nvram, pool, volume } }, signal)
}

/** A domain that carries another's tag, or none, is not this stack's to delete. */
function refuseForeign(request: DeleteRequest, root: XmlElement): void {
  const { owner } = readMetadata(root)
  if (owner?.lineage === request.owner.lineage && owner.address === request.owner.address) return
  throw new InfraError({
    kind: 'operation',
    code: 'not-owned',
    message: `The virtual machine ${request.name} is not infra's to delete`,
    why:
      owner === undefined ? 'It carries no tag of infra' : `It belongs to ${owner.address} of another stack`,
    hint: `Delete it by hand, or take it over first: infra import ${request.address} ${request.name}`,
  })
}

/** The volumes and files that go with the machine: those named after it, and overlays that snapshots put on them. */
async function ownVolumes(
  host: Host,
  reading: DomainReading,
  trash: string,
  signal: AbortSignal,
): Promise<KeptVolume[]> {
  const { name } = reading
  const seeds = new Set([seedVolume(name), `${seedVolume(name)}.iso`, ignitionVolume(name)])
  const owned = new Map<string, Set<string>>()
  const add = (pool: string, volume: string) => owned.set(pool, (owned.get(pool) ?? new Set()).add(volume))
  const chains = await Promise.all(reading.disks.map(disk => volumeChain(host, disk, signal)))
  for (const [index, chain] of chains.entries()) {
    const disk = reading.disks[index]
    if (disk === undefined) continue
    const own = disk.role === 'boot' ? bootVolume(name) : dataVolume(name, disk.device)
    for (const { pool, name: volume } of chain) {
      if (volume === own || volume.startsWith(`${own}.`) || seeds.has(volume)) add(pool, volume)
      // an overlay of a snapshot, and what libvirt lost sight of below it
      if (volume.startsWith(`${own}.`)) add(pool, own)
    }
  }
  const home = homeOf(reading, chains)
  if (home !== undefined) for (const extra of [...seeds, serialLog(name)]) add(home, extra)
  const found = await Promise.all(
    [...owned].map(([pool, names]) => poolVolumes(host, pool, [...names], trash, signal)),
  )
  return found.flat()
}

interface Place {
  readonly pool: string
  readonly name: string
}

/** The volume of a disk and those below it: snapshots put overlays on disks, by their paths alone. */
async function volumeChain(host: Host, disk: DiskReading, signal: AbortSignal): Promise<Place[]> {
  const chain: Place[] = []
  const { pool, volume } = disk
  if (pool !== undefined && volume !== undefined) chain.push({ pool, name: volume })
  const found = pool === undefined ? undefined : await findPool(host, pool, signal)
  let here =
    found !== undefined && volume !== undefined
      ? await findVolume(host, found, volume, signal)
      : await volumeAt(host, disk.path, signal)
  for (let depth = 0; here !== undefined && depth < 64; depth += 1) {
    if (depth > 0 || chain.length === 0) chain.push({ pool: here.pool, name: here.name })
    const reading = await readingOf(host, here, signal)
    here = await volumeAt(host, reading?.backingPath, signal)
  }
  return chain
}

function volumeAt(host: Host, path: string | undefined, signal: AbortSignal): Promise<Volume | undefined> {
  if (path === undefined) return Promise.resolve(undefined)
  return orAbsent(ask(host, procedures.volumes.lookupByPath, { path }, signal), 'NO_STORAGE_VOL')
}

/** The pool of the boot disk, where the machine's other files are, too. */
function homeOf(reading: DomainReading, chains: readonly (readonly Place[])[]): string | undefined {
  const boot = reading.disks.findIndex(disk => disk.role === 'boot')
  return reading.disks[boot]?.pool ?? chains[boot]?.[0]?.pool
}

/** Which of these names are there, or were put away already by an earlier try. */
async function poolVolumes(
  host: Host,
  poolName: string,
  names: readonly string[],
  trash: string,
  signal: AbortSignal,
): Promise<KeptVolume[]> {
  const pool = await findPool(host, poolName, signal)
  // to go on would leave its disks behind and say that they are gone
  if (pool === undefined) throw poolGone(poolName, names)
  const folder = await folderOf(host, poolName, signal)
  const found = await Promise.all(
    names.map(async name => {
      const volume = await findVolume(host, pool, name, signal)
      const path = volume && (await ask(host, procedures.volumes.path, { volume }, signal))
      const place = path ?? (folder === undefined ? undefined : `${folder}/${name}`)
      if (place === undefined) return []
      const kept: KeptVolume = { pool: poolName, name, path: place, trash: trashName(trash, name) }
      if (volume !== undefined) return [kept]
      const isThere =
        folder !== undefined &&
        ((await host.files.exists(place, signal)) || (await host.files.exists(trashPath(kept), signal)))
      return isThere ? [kept] : []
    }),
  )
  return found.flat()
}

function poolGone(pool: string, volumes: readonly string[]): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `The storage pool ${pool} has gone, and with it the way to ${volumes.join(', ')}`,
    hint: 'Define the pool again; or undefine the machine by hand (virsh undefine), and remove its files.',
  })
}

async function folderOf(host: Host, pool: string, signal: AbortSignal): Promise<string | undefined> {
  const found = await findPool(host, pool, signal)
  if (found === undefined) return undefined
  const root = parseXml(await ask(host, procedures.pools.xml, { pool: found, flags: 0 }, signal))
  const isFolder = ['dir', 'fs', 'netfs'].includes(root.attributes.type ?? '')
  const path = find(root, 'target', 'path')?.children[0]
  return isFolder && typeof path === 'string' ? path : undefined
}

async function makeToken(
  host: Host,
  request: DeleteRequest,
  domain: Domain,
  read: {
    readonly xml: string
    readonly root: XmlElement
    readonly reading: DomainReading
    readonly nvram: string | undefined
  },
  volumes: readonly KeptVolume[],
  signal: AbortSignal,
): Promise<MachineToken> {
  const { reading } = read
  const [running, autostart, snapshots] = await Promise.all([
    isActive(host, domain, signal),
    ask(host, procedures.domains.autostart, { domain }, signal),
    snapshotXmls(host, domain, signal),
  ])
  const boot = volumes.find(one => one.name === bootVolume(reading.name))
  const home = reading.disks.find(disk => disk.role === 'boot')?.pool ?? boot?.pool
  return {
    kind: 'VirtualMachine',
    name: reading.name,
    uuid: domain.uuid,
    xml: read.xml,
    autostart,
    running,
    volumes,
    ...(read.nvram !== undefined &&
      home !== undefined && { nvram: await nvramToken(host, request, read.nvram, home, signal) }),
    tpm: findAll(find(read.root, 'devices'), 'tpm').length > 0,
    snapshots,
  }
}

async function nvramToken(
  host: Host,
  request: DeleteRequest,
  path: string,
  pool: string,
  signal: AbortSignal,
): Promise<NonNullable<MachineToken['nvram']>> {
  const volume = trashName(request.trash, `${request.name}_nvram`)
  const folder = await folderOf(host, pool, signal)
  return { path, pool, volume, ...(folder !== undefined && { file: `${folder}/${volume}` }) }
}

async function snapshotXmls(host: Host, domain: Domain, signal: AbortSignal): Promise<string[]> {
  const { list, xml } = procedures.snapshots
  // parents first, as they have to be defined again
  const all = await ask(host, list, { domain, needResults: 1, flags: 1024 }, signal)
  return Promise.all(all.map(snapshot => ask(host, xml, { snapshot, flags: 1 }, signal)))
}

/** Where libvirt keeps the UEFI variables of machines for which it chooses the firmware. */
const nvramFolder = '/var/lib/libvirt/qemu/nvram'

/** The file with the machine's UEFI variables. Until it has been started once there is none, and where libvirt chose the place only a running machine's XML tells it. */
async function findNvram(
  host: Host,
  domain: Domain,
  reading: DomainReading,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (reading.spec.firmware !== 'uefi') return undefined
  const live = readDomain(parseXml(await ask(host, procedures.domains.xml, { domain, flags: 0 }, signal)))
  const known = reading.nvram ?? live.nvram
  const usual = ['fd', 'qcow2'].map(ending => `${nvramFolder}/${domain.name}_VARS.${ending}`)
  for (const path of known === undefined ? usual : [known]) {
    if ((await readFile(host, dirname(path), basename(path), signal)) !== undefined) return path
  }
  return undefined
}

/** Copies the UEFI variables into the pool's trash: the next machine of this name gets the same file. */
async function keepNvram(host: Host, token: MachineToken, path: string, signal: AbortSignal): Promise<void> {
  const { nvram } = token
  const pool = nvram && (await findPool(host, nvram.pool, signal))
  const bytes = await readFile(host, dirname(path), basename(path), signal)
  if (pool !== undefined && bytes !== undefined)
    await putVolume(host, pool, nvram?.volume ?? '', bytes, signal)
}

async function removeNow(host: Host, files: readonly KeptVolume[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    files.map(async one => {
      const pool = await findPool(host, one.pool, signal)
      const volume = pool && (await findVolume(host, pool, one.name, signal))
      if (volume !== undefined) await deleteVolume(host, volume, signal)
      else if (one.path.startsWith('/')) await host.files.remove(one.path, signal)
    }),
  )
}

async function undefine(
  host: Host,
  domain: Domain,
  options: { readonly keepTpm: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { managedSave, snapshots, checkpoints, nvram, keepTpm, tpm } = undefineFlags
  const flags =
    managedSave |
    snapshots |
    checkpoints |
    nvram |
    (options.keepTpm ? keepTpm : host.version >= 8_009_000 ? tpm : 0)
  await orAbsent(ask(host, procedures.domains.undefine, { domain, flags }, signal), 'NO_DOMAIN')
}

/** Destroys what a delete kept: disks, UEFI variables, and the TPM's state under its UUID. */
export async function discardMachine(host: Host, token: MachineToken, signal: AbortSignal): Promise<void> {
  const { nvram } = token
  await empty(host, token.volumes, signal)
  if (nvram !== undefined) {
    const pool = await findPool(host, nvram.pool, signal)
    const volume = pool && (await findVolume(host, pool, nvram.volume, signal))
    if (volume !== undefined) await deleteVolume(host, volume, signal)
    else if (nvram.file !== undefined) await host.files.remove(nvram.file, signal)
  }
  if (token.tpm) await discardTpm(host, token, signal)
  await dropUnusedSecrets(host, token.xml, signal)
}

/** libvirt keeps a TPM's state under the UUID of its domain, and removes it only with a domain that has one. */
async function discardTpm(host: Host, token: MachineToken, signal: AbortSignal): Promise<void> {
  const there = await orAbsent(
    ask(host, procedures.domains.lookupByUuid, { uuid: token.uuid }, signal),
    'NO_DOMAIN',
  )
  if (there !== undefined || host.version < 8_009_000) return
  const xml = `<domain type='qemu'><name>infra-discard-${token.uuid}</name><uuid>${token.uuid}</uuid><memory>65536</memory><os><type>hvm</type></os><devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>`
  const domain = await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  await ask(host, procedures.domains.undefine, { domain, flags: undefineFlags.tpm }, signal)
}
