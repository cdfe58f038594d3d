/** Snapshots of machines: taken, listed, gone back to, deleted. */
import { dirname } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { Inventory } from '../inventory.js'
import { isLibvirt } from '../rpc/errors.js'
import { snapshotFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain, snapshot as snapshotCodec } from '../rpc/types.js'
import type { ValueOf } from '../rpc/xdr.js'
import type { DomainReading } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import { serializeXml } from '../xml/serialize.js'
import { buildSnapshot, readSnapshot } from '../xml/snapshot.js'
import type { XmlElement } from '../xml/tree.js'
import type { Machine } from './machines.js'
import { refreshPools } from './pools.js'
import { writeDisks } from './snapshot-disks.js'

export interface SnapshotView {
  readonly name: string
  readonly machine: string
  readonly host: string
  /** ISO 8601. */
  readonly createdAt?: string
  readonly storage: 'external' | 'internal'
  readonly memory: boolean
  readonly parent?: string
  readonly description?: string
  /** What the machine did then. */
  readonly state?: string
}

export interface SnapshotRequest {
  readonly name: string
  readonly description?: string
  /** The memory of the running machine, too; then it is kept inside the qcow2 files. */
  readonly memory?: boolean
  /** Inside the qcow2 files instead of overlays beside them. */
  readonly internal?: boolean
  /** Has the guest agent write out and freeze its file systems meanwhile. */
  readonly quiesce?: boolean
}

const atomic = 128
const topological = 1024
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

/** All snapshots of a machine, each behind the one that it is based on. */
export async function listSnapshots(machine: Machine, signal: AbortSignal): Promise<readonly SnapshotView[]> {
  const all = await readSnapshots(machine.host, machine.domain, signal)
  return all.map(({ reading }) => ({
    name: reading.name,
    machine: machine.view.name,
    host: machine.view.host,
    ...(reading.createdAt !== undefined && { createdAt: new Date(reading.createdAt * 1_000).toISOString() }),
    storage: reading.spec.storage === 'internal' ? ('internal' as const) : ('external' as const),
    memory: reading.spec.memory === true,
    ...(reading.parent !== undefined && { parent: reading.parent }),
    ...(typeof reading.spec.description === 'string' && { description: reading.spec.description }),
    ...(reading.state !== undefined && { state: reading.state }),
  }))
}

type Snapshot = ValueOf<typeof snapshotCodec>

export interface KnownSnapshot {
  readonly snapshot: Snapshot
  readonly root: XmlElement
  readonly reading: ReturnType<typeof readSnapshot>
}

/** All snapshots, parents before their children. */
export async function readSnapshots(
  host: Host,
  domain: Domain,
  signal: AbortSignal,
): Promise<readonly KnownSnapshot[]> {
  const { list, xml } = procedures.snapshots
  const all = await ask(host, list, { domain, needResults: 1, flags: topological }, signal)
  return Promise.all(
    all.map(async snapshot => {
      const root = parseXml(await ask(host, xml, { snapshot, flags: 0 }, signal))
      return { snapshot, root, reading: readSnapshot(root) }
    }),
  )
}

/** Takes a snapshot, all disks or none. Returns what it really is. */
export async function createSnapshot(
  machine: Machine,
  request: SnapshotRequest,
  signal: AbortSignal,
): Promise<SnapshotView> {
  const { host, domain, view, stored, live } = machine
  checkName(request.name)
  const running = view.state === 'running' || view.state === 'paused'
  const internal = request.internal === true || request.memory === true || undefined
  const disks = writableDisks(live ?? stored)
  if (internal) refuseInternal(machine, disks, request, running)
  const inventory = new Inventory(host, signal, false)
  const overlays = internal ? {} : await overlayPaths(disks, request.name, inventory)
  const xml = serializeXml(
    buildSnapshot({
      name: request.name,
      spec: {
        storage: internal ? 'internal' : 'external',
        // inside the files, libvirt keeps the memory of a running machine or nothing at all
        memory: internal === true && running,
        ...(request.description !== undefined && { description: request.description }),
      },
      disks: disks.map(disk => disk.device),
      without: withoutDisks(live ?? stored, disks),
      overlays,
    }),
  )
  const flags = internal
    ? 0
    : snapshotFlags.diskOnly | atomic | (request.quiesce && running ? snapshotFlags.quiesce : 0)
  try {
    await ask(host, procedures.snapshots.create, { domain, xml, flags }, signal)
  } catch (error) {
    throw explained(error, machine, request)
  }
  await refreshDiskPools(host, stored, signal)
  if (!internal && !running)
    await writeDisks(machine, await findSnapshot(machine, request.name, signal), 'describe', signal)
  const made = (await listSnapshots(machine, signal)).find(one => one.name === request.name)
  if (made === undefined)
    throw notSo(`the snapshot ${request.name} of ${view.name} was reported as taken and is not there`)
  return made
}

/** Deletes it; what was written since stays. External ones are merged down, while the machine runs or not. */
export async function deleteSnapshot(machine: Machine, name: string, signal: AbortSignal): Promise<void> {
  const { host, domain } = machine
  const found = await findSnapshot(machine, name, signal)
  const { snapshot } = found
  if (machine.live === undefined) await writeDisks(machine, found, 'describe', signal)
  await ask(host, procedures.snapshots.delete, { snapshot, flags: 0 }, signal)
  await refreshDiskPools(host, machine.stored, signal)
  const left = await orAbsent(
    ask(host, procedures.snapshots.lookup, { domain, name, flags: 0 }, signal),
    'NO_DOMAIN_SNAPSHOT',
  )
  if (left !== undefined) throw notSo(`the snapshot ${name} was reported as deleted and is still there`)
}

export async function findSnapshot(
  machine: Machine,
  name: string,
  signal: AbortSignal,
): Promise<KnownSnapshot> {
  const all = await readSnapshots(machine.host, machine.domain, signal)
  const found = all.find(one => one.snapshot.name === name)
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'operation',
    code: 'no-snapshot',
    message: `${machine.view.name} has no snapshot ${name}`,
    why: all.length === 0 ? 'It has none' : `It has ${all.map(one => one.snapshot.name).join(', ')}`,
    hint: `infra vm snapshot list ${machine.view.name}`,
  })
}

type Disk = DomainReading['disks'][number]

/** Disks that a snapshot is taken of: the machine's own and those of volumes; none of the network, no CD-ROM. */
export function writableDisks(reading: DomainReading): readonly Disk[] {
  return reading.disks.filter(
    disk =>
      (disk.role === 'boot' || disk.role === 'data') &&
      disk.reference !== undefined &&
      disk.spec.readOnly !== true,
  )
}

function withoutDisks(reading: DomainReading, taken: readonly Disk[]): string[] {
  return reading.disks.filter(disk => !taken.includes(disk)).map(disk => disk.device)
}

/** Has libvirt read the pools anew that the machine's disks are in: it made or removed files there by itself. */
export async function refreshDiskPools(
  host: Host,
  reading: DomainReading,
  signal: AbortSignal,
): Promise<void> {
  const names = await Promise.all(
    reading.disks.map(async disk => {
      if (disk.pool !== undefined) return disk.pool
      if (disk.path === undefined) return undefined
      const path = dirname(disk.path)
      return (await orAbsent(ask(host, procedures.pools.lookupByPath, { path }, signal), 'NO_STORAGE_POOL'))
        ?.name
    }),
  )
  await refreshPools(host, [...new Set(names.filter(name => name !== undefined))], signal)
}

/**
 * Overlays lie beside the volume that they began with, and are named after it: whoever deletes the machine finds them by
 * that.
 */
async function overlayPaths(
  disks: readonly Disk[],
  name: string,
  inventory: Inventory,
): Promise<Record<string, string>> {
  const entries = await Promise.all(
    disks.map(async disk => {
      const path = disk.path ?? (await volumePath(disk, inventory))
      const readings = inventory.readings()
      let base = path
      for (let depth = 0; depth < 64; depth += 1) {
        const volume = await inventory.volumeByPath(base)
        if (volume === undefined) break
        await inventory.read(volume)
        const below = readings.byPath(base)?.backingPath
        // an overlay is called as what it lies on, and more
        if (below === undefined || !base.startsWith(`${below}.`)) break
        base = below
      }
      return [disk.device, `${base}.${name}`] as const
    }),
  )
  return Object.fromEntries(entries)
}

export async function volumePath(disk: Disk, inventory: Inventory): Promise<string> {
  const volume =
    disk.pool === undefined || disk.volume === undefined
      ? undefined
      : await inventory.volume(disk.pool, disk.volume)
  const reading = volume && (await inventory.read(volume))
  if (reading !== undefined) return reading.path
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `The volume of the disk ${disk.device} cannot be found`,
    why: disk.reference ?? 'It has none',
    hint: 'infra pool refresh',
  })
}

function refuseInternal(
  machine: Machine,
  disks: readonly Disk[],
  request: SnapshotRequest,
  running: boolean,
): void {
  const raw = disks.find(disk => disk.format !== 'qcow2')
  const uefi = machine.stored.spec.firmware === 'uefi'
  const refuse = (why: string, hint: string) =>
    new InfraError({
      kind: 'operation',
      code: 'snapshot-impossible',
      message: `${machine.view.name} cannot have a snapshot ${request.memory ? 'with its memory' : 'inside its disks'}`,
      why,
      hint,
    })
  if (raw !== undefined)
    throw refuse(
      `Its disk ${raw.device} is ${raw.format ?? 'not qcow2'}`,
      'Take one of its disks alone, without --memory.',
    )
  if (uefi && machine.host.version < 10_010_000)
    throw refuse(
      'This libvirt has none for machines with UEFI',
      'Take one of its disks alone, without --memory.',
    )
  if (request.memory && !running) throw refuse('It does not run', 'Leave --memory out.')
  if (!request.memory && running)
    throw refuse(
      'It runs: inside the disks its memory is kept, too',
      'Say --memory, or leave --internal out.',
    )
}

function explained(error: unknown, machine: Machine, request: SnapshotRequest): unknown {
  if (isLibvirt(error, 'AGENT_UNRESPONSIVE') && request.quiesce) {
    return new InfraError({
      kind: 'operation',
      code: 'no-agent',
      message: `The guest agent of ${machine.view.name} does not answer, and so cannot freeze its file systems`,
      ...(error.why !== undefined && { why: error.why }),
      hint: 'Leave --quiesce out: the snapshot is then as after a loss of power.',
    })
  }
  return error
}

function checkName(name: string): void {
  if (namePattern.test(name)) return
  throw new InfraError({
    kind: 'configuration',
    code: 'invalid-name',
    message: `${JSON.stringify(name)} is no name for a snapshot`,
    hint: 'Use letters, digits, dots, dashes and underscores.',
  })
}

export function notSo(message: string): InfraError {
  return new InfraError({ kind: 'operation', code: 'not-so', message, hint: 'Look at it, and try again.' })
}
