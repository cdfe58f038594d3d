/** Taking snapshots of machines. */
import { InfraError } from '../../../model/error.js'
import { ask } from '../connection.js'
import { Inventory } from '../inventory.js'
import { isLibvirt, LibvirtError } from '../rpc/errors.js'
import { snapshotFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { serializeXml } from '../xml/serialize.js'
import { buildSnapshot } from '../xml/snapshot.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import type { SnapshotCreateAct } from './journaled-snapshot.js'
import type { Machine } from './machines.js'
import { writeDisks } from './snapshot-disks.js'
import {
  type Disk,
  overlayPaths,
  refreshDiskPools,
  volumesAt,
  withoutDisks,
  writableDisks,
} from './snapshot-overlays.js'
import { findSnapshot, listSnapshots, notSo, readSnapshots, type SnapshotView } from './snapshots.js'

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

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

/** Takes a snapshot, all disks or none. Returns what it really is. */
export async function createSnapshot(
  machine: Machine,
  request: SnapshotRequest,
  signal: AbortSignal,
  journal: ActJournal<SnapshotCreateAct> = unjournaled,
): Promise<SnapshotView> {
  const { host, domain, stored, live } = machine
  checkName(request.name)
  const running = isActive(machine)
  const internal = isInternal(request)
  const disks = writableDisks(live ?? stored)
  if (internal) refuseInternal(machine, disks, request, running)
  const overlays = await placesFor(machine, request, disks, signal)
  const xml = serializeXml(
    buildSnapshot({
      name: request.name,
      spec: {
        storage: internal ? 'internal' : 'external',
        // inside the files, libvirt keeps the memory of a running machine or nothing at all
        memory: internal && running,
        ...(request.description !== undefined && { description: request.description }),
      },
      disks: disks.map(disk => disk.device),
      without: withoutDisks(live ?? stored, disks),
      overlays,
    }),
  )
  const flags = internal
    ? 0
    : snapshotFlags.diskOnly | snapshotFlags.atomic | (request.quiesce && running ? snapshotFlags.quiesce : 0)
  await journal.begin({ verb: 'snapshot-create', ...identityOf(machine), request, overlays })
  try {
    await ask(host, procedures.snapshots.create, { domain, xml, flags }, signal)
  } catch (error) {
    // it takes all of one or nothing
    if (error instanceof LibvirtError) journal.ended()
    throw explained(error, machine, request)
  }
  return finishSnapshot(machine, request, signal)
}

/** What is to be done once libvirt has taken it. Returns what it really is. */
export async function finishSnapshot(
  machine: Machine,
  request: SnapshotRequest,
  signal: AbortSignal,
): Promise<SnapshotView> {
  const { host, stored, view } = machine
  await refreshDiskPools(host, stored, signal)
  if (!isInternal(request) && !isActive(machine))
    await writeDisks(machine, await findSnapshot(machine, request.name, signal), 'describe', signal)
  const made = (await listSnapshots(machine, signal)).find(one => one.name === request.name)
  if (made === undefined)
    throw notSo(`the snapshot ${request.name} of ${view.name} was reported as taken and is not there`)
  return made
}

function isInternal({ internal, memory }: SnapshotRequest): boolean {
  return internal === true || memory === true
}

function isActive({ view }: Machine): boolean {
  return view.state === 'running' || view.state === 'paused'
}

/**
 * Where the overlays of a snapshot go, by device. Fails where there is one of its name, or where something is in their place:
 * what is there afterwards is this snapshot's, and can be removed with it.
 */
async function placesFor(
  machine: Machine,
  request: SnapshotRequest,
  disks: readonly Disk[],
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const { host, domain, stored, view } = machine
  const all = await readSnapshots(host, domain, signal)
  if (all.some(one => one.snapshot.name === request.name)) {
    throw new InfraError({
      kind: 'operation',
      code: 'exists',
      message: `${view.name} has a snapshot ${request.name} already`,
      hint: 'Choose another name, or delete that one first.',
    })
  }
  if (isInternal(request)) return {}
  await refreshDiskPools(host, stored, signal)
  const overlays = await overlayPaths(disks, request.name, new Inventory(host, signal, false))
  const there = await volumesAt(host, Object.values(overlays), signal)
  if (there.length === 0) return overlays
  throw new InfraError({
    kind: 'storage',
    code: 'volume-exists',
    message: `There is something in the place of an overlay of ${request.name}: ${there.join(', ')}`,
    why: 'Whose it is is not known, and nothing is written over',
    hint: 'Choose another name for the snapshot.',
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
