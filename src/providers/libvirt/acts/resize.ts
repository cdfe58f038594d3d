/** More or fewer CPUs, more or less memory, larger disks: at once where libvirt can, else from the next start on. */
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { diskBytes, diskGib, memoryGib, memoryKib } from '../kinds/units.js'
import { number } from '../kinds/values.js'
import { affect, domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { readingOf } from '../storage.js'
import { growVolume } from '../volumes.js'
import { type DomainReading, readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import type { Machine } from './machines.js'

/** VIR_DOMAIN_VCPU_MAXIMUM and VIR_DOMAIN_MEM_MAXIMUM. */
const maximum = 4

export interface ResizeRequest {
  readonly vcpus?: number
  readonly memoryGiB?: number
  /** GiB by device: `{vdb: 20}`. Disks only grow. */
  readonly disks?: Readonly<Record<string, number>>
}

export interface Resized {
  /** As the document has it: `vcpus`, `dataDisks[vdb].sizeGB`. */
  readonly path: string
  readonly from: Json
  readonly to: Json
  /** `restart`: it is stored, and counts from the next start on. */
  readonly when: 'now' | 'restart'
}

/** All that was asked for, with what it was; `from` is `to` where it was so already. Everything is read back. */
export async function resizeMachine(
  machine: Machine,
  request: ResizeRequest,
  signal: AbortSignal,
): Promise<readonly Resized[]> {
  const { stored, view } = machine
  if (stored.spec.numa !== undefined && request.memoryGiB !== undefined) {
    throw impossible(
      view.name,
      'Its memory is divided into NUMA cells',
      'Change `numa` in its document, and apply.',
    )
  }
  const disks = await Promise.all(
    Object.entries(request.disks ?? {}).map(([device, size]) => plannedDisk(machine, device, size, signal)),
  )
  const done: Resized[] = []
  if (request.vcpus !== undefined) done.push(...(await resizeVcpus(machine, request.vcpus, signal)))
  if (request.memoryGiB !== undefined) done.push(...(await resizeMemory(machine, request.memoryGiB, signal)))
  for (const disk of disks) done.push(...(await growDisk(machine, disk, signal)))
  await requireSizes(machine, request, signal)
  return done
}

async function resizeVcpus(machine: Machine, vcpus: number, signal: AbortSignal): Promise<Resized[]> {
  const { host, domain, stored, live } = machine
  const set = (count: number, flags: number) =>
    ask(host, procedures.domains.setVcpus, { domain, vcpus: count, flags }, signal)
  const before = number(stored.spec.vcpus) ?? 0
  const limit = number(stored.spec.maxVcpus) ?? before
  // a maximum that nobody chose is the count itself, as documents have it
  const nextLimit = limit === before ? vcpus : Math.max(limit, vcpus)
  const liveLimit = number(live?.spec.maxVcpus)
  const canLive = liveLimit !== undefined && vcpus <= liveLimit && vcpus > (number(live?.spec.vcpus) ?? 0)
  if (nextLimit > limit) await set(nextLimit, affect.config | maximum)
  if (vcpus !== before) await set(vcpus, affect.config)
  if (nextLimit < limit) await set(nextLimit, affect.config | maximum)
  if (canLive) await set(vcpus, affect.live)
  const isNow = live === undefined || canLive || live.spec.vcpus === vcpus
  return [
    ...sized('vcpus', before, vcpus, isNow ? 'now' : 'restart'),
    ...(nextLimit === limit || limit === before
      ? []
      : sized('maxVcpus', limit, nextLimit, live === undefined ? 'now' : 'restart')),
  ]
}

async function resizeMemory(machine: Machine, memoryGiB: number, signal: AbortSignal): Promise<Resized[]> {
  const { host, domain, stored, live } = machine
  const set = (kib: number, flags: number) =>
    ask(host, procedures.domains.setMemory, { domain, memory: kib, flags }, signal)
  const kib = memoryKib(memoryGiB)
  const before = number(stored.spec.memoryGiB) ?? 0
  const limit = number(stored.spec.maxMemoryGiB) ?? before
  const wanted = memoryGib(kib)
  const nextLimit = limit === before ? wanted : Math.max(limit, wanted)
  const liveLimit = number(live?.spec.maxMemoryGiB)
  const canLive = liveLimit !== undefined && wanted <= liveLimit
  if (nextLimit > limit) await set(memoryKib(nextLimit), affect.config | maximum)
  if (wanted !== before) await set(kib, affect.config)
  if (nextLimit < limit) await set(memoryKib(nextLimit), affect.config | maximum)
  if (canLive) await set(kib, affect.live)
  return [
    ...sized('memoryGiB', before, wanted, live === undefined || canLive ? 'now' : 'restart'),
    ...(nextLimit === limit || limit === before
      ? []
      : sized('maxMemoryGiB', limit, nextLimit, live === undefined ? 'now' : 'restart')),
  ]
}

interface PlannedDisk {
  readonly device: string
  readonly path: string
  readonly volume: Volume
  readonly from: number
  readonly bytes: number
}

/** Looked at before anything is changed: a disk that would shrink stops the whole. */
async function plannedDisk(
  machine: Machine,
  device: string,
  size: number,
  signal: AbortSignal,
): Promise<PlannedDisk> {
  const { host, stored, live, view } = machine
  const disk = (live ?? stored).disks.find(one => one.device === device)
  if (disk === undefined) {
    const there = stored.disks.map(one => one.device).join(', ')
    throw impossible(view.name, `It has no disk ${device}: it has ${there}`, 'infra vm show')
  }
  const volume = await volumeOf(host, disk, signal)
  const reading = volume && (await readingOf(host, volume, signal))
  if (volume === undefined || reading === undefined)
    throw impossible(
      view.name,
      `The volume of its disk ${device} is in no pool that is active`,
      'infra pool refresh',
    )
  const bytes = diskBytes(size)
  if (bytes < reading.capacityBytes) {
    throw new InfraError({
      kind: 'storage',
      code: 'would-shrink',
      message: `The disk ${device} of ${view.name} would shrink from ${diskGib(reading.capacityBytes)} to ${size} GiB`,
      why: 'libvirt would cut it off below the guest without a warning',
      hint: 'Disks only grow.',
    })
  }
  const path = disk.role === 'boot' ? 'bootDisk.sizeGB' : `dataDisks[${device}].sizeGB`
  return { device, path, volume, from: reading.capacityBytes, bytes }
}

function volumeOf(
  host: Host,
  disk: DomainReading['disks'][number],
  signal: AbortSignal,
): Promise<Volume | undefined> {
  const { pool, volume: name, path } = disk
  if (pool !== undefined && name !== undefined) {
    return orAbsent(
      ask(host, procedures.pools.lookupByName, { name: pool }, signal).then(found =>
        ask(host, procedures.volumes.lookupByName, { pool: found, name }, signal),
      ),
      'NO_STORAGE_POOL',
      'NO_STORAGE_VOL',
    )
  }
  if (path === undefined) return Promise.resolve(undefined)
  return orAbsent(ask(host, procedures.volumes.lookupByPath, { path }, signal), 'NO_STORAGE_VOL')
}

async function growDisk(machine: Machine, disk: PlannedDisk, signal: AbortSignal): Promise<Resized[]> {
  if (disk.bytes !== disk.from) await growVolume(machine.host, disk.volume, disk.bytes, signal)
  const now = await readingOf(machine.host, disk.volume, signal)
  const real = await realSize(machine, disk, now?.capacityBytes ?? 0, signal)
  if (real !== disk.bytes) throw notSo(machine.view.name, disk.path, diskGib(disk.bytes), diskGib(real))
  return sized(disk.path, diskGib(disk.from), diskGib(disk.bytes), 'now')
}

/** Of a running machine QEMU knows: libvirt's pools look only when they are refreshed. */
async function realSize(
  { host, domain, live }: Machine,
  disk: PlannedDisk,
  read: number,
  signal: AbortSignal,
): Promise<number> {
  if (live === undefined) return read
  const args = { domain, path: disk.device, flags: 0 }
  return (await ask(host, procedures.domains.blockInfo, args, signal)).capacity
}

async function requireSizes(machine: Machine, request: ResizeRequest, signal: AbortSignal): Promise<void> {
  const { host, domain, view } = machine
  const xml = await ask(host, procedures.domains.xml, { domain, flags: domainXmlFlags.inactive }, signal)
  const { spec } = readDomain(parseXml(xml))
  const { vcpus, memoryGiB } = request
  if (vcpus !== undefined && spec.vcpus !== vcpus) throw notSo(view.name, 'vcpus', vcpus, spec.vcpus)
  const wanted = memoryGiB === undefined ? undefined : memoryGib(memoryKib(memoryGiB))
  if (wanted !== undefined && spec.memoryGiB !== wanted)
    throw notSo(view.name, 'memoryGiB', wanted, spec.memoryGiB)
}

function sized(path: string, from: Json, to: Json, when: Resized['when']): Resized[] {
  return [{ path, from, to, when: from === to ? 'now' : when }]
}

function notSo(name: string, path: string, wanted: Json, real: Json | undefined): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `${path} of ${name} was to be ${wanted} and is ${real ?? 'unknown'}`,
    hint: `infra vm show ${name}`,
  })
}

function impossible(name: string, why: string, hint: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cannot-resize',
    message: `${name} cannot be resized so`,
    why,
    hint,
  })
}
