/** More or fewer CPUs, more or less memory, larger disks: at once where libvirt can, else from the next start on. */
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { diskBytes, diskGib, memoryGib, memoryKib } from '../kinds/units.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { readingOf } from '../storage.js'
import { growVolume } from '../volumes.js'
import type { DomainReading } from '../xml/domain-read.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import { cleanUpAndThrow } from './left-behind.js'
import type { Machine } from './machines.js'
import type { ResizeAct } from './settle-resize.js'
import {
  applySizes,
  type Count,
  type Live,
  notSo,
  putSizesBack,
  requireSizes,
  type Sizes,
  storedSizes,
} from './sizes.js'

/** How long it is tried to put CPUs and memory back. Milliseconds. */
const putBackFor = 30_000

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
  journal: ActJournal<ResizeAct> = unjournaled,
): Promise<readonly Resized[]> {
  const { stored, view } = machine
  if (stored.spec.numa !== undefined && request.memoryGiB !== undefined) {
    throw impossible(
      view.name,
      'Its memory is divided into NUMA cells',
      'Change `numa` in its document, and apply.',
    )
  }
  const disks = await plannedDisks(machine, request.disks ?? {}, signal)
  const from = storedSizes(stored)
  const to = wantedSizes(from, request)
  await journal.begin(resizeAct(machine, from, to, disks))
  try {
    const done = resized(machine, from, to, await applySizes(machine, to, signal))
    done.push(...(await growPlanned(machine, disks, signal)))
    await requireSizes(machine, to, signal)
    return done
  } catch (error) {
    // what a disk has grown by stays
    return cleanUpAndThrow(
      error,
      `${view.name} may be changed in part: infra vm show ${view.name}`,
      async () => {
        await putSizesBack(machine, from, to, AbortSignal.timeout(putBackFor))
        journal.ended()
      },
    )
  }
}

function wantedSizes(from: Required<Sizes>, { vcpus, memoryGiB }: ResizeRequest): Sizes {
  const grown = ({ now, limit }: Count, wanted: number): Count => ({
    now: wanted,
    limit: limit === now ? wanted : Math.max(limit, wanted),
  })
  return {
    ...(vcpus !== undefined && { vcpus: grown(from.vcpus, vcpus) }),
    ...(memoryGiB !== undefined && { memoryGiB: grown(from.memoryGiB, memoryGib(memoryKib(memoryGiB))) }),
  }
}

function resized({ live }: Machine, from: Required<Sizes>, to: Sizes, isNow: Live): Resized[] {
  const of = (name: keyof Sizes, maximumName: string): Resized[] => {
    const [was, is] = [from[name], to[name]]
    if (is === undefined) return []
    const chosen = was.limit !== was.now && is.limit !== was.limit
    return [
      ...sized(name, was.now, is.now, isNow[name] ? 'now' : 'restart'),
      ...(chosen ? sized(maximumName, was.limit, is.limit, live === undefined ? 'now' : 'restart') : []),
    ]
  }
  return [...of('vcpus', 'maxVcpus'), ...of('memoryGiB', 'maxMemoryGiB')]
}

function resizeAct(
  machine: Machine,
  from: Required<Sizes>,
  to: Sizes,
  disks: readonly PlannedDisk[],
): ResizeAct {
  return {
    verb: 'resize',
    ...identityOf(machine),
    from: {
      ...(to.vcpus !== undefined && { vcpus: from.vcpus }),
      ...(to.memoryGiB !== undefined && { memoryGiB: from.memoryGiB }),
    },
    to,
    disks: disks.map(({ device, path, from, bytes }) => ({
      device,
      path,
      fromGiB: diskGib(from),
      toGiB: diskGib(bytes),
    })),
  }
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

/** Disks of these sizes, GiB by device. */
export async function growDisks(
  machine: Machine,
  sizes: Readonly<Record<string, number>>,
  signal: AbortSignal,
): Promise<Resized[]> {
  const planned = await plannedDisks(machine, sizes, signal)
  return growPlanned(machine, planned, signal)
}

async function growPlanned(
  machine: Machine,
  disks: readonly PlannedDisk[],
  signal: AbortSignal,
): Promise<Resized[]> {
  const done: Resized[] = []
  for (const disk of disks) done.push(...(await growDisk(machine, disk, signal)))
  return done
}

function plannedDisks(
  machine: Machine,
  sizes: Readonly<Record<string, number>>,
  signal: AbortSignal,
): Promise<readonly PlannedDisk[]> {
  return Promise.all(
    Object.entries(sizes).map(([device, size]) => plannedDisk(machine, device, size, signal)),
  )
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

function sized(path: string, from: Json, to: Json, when: Resized['when']): Resized[] {
  return [{ path, from, to, when: from === to ? 'now' : when }]
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
