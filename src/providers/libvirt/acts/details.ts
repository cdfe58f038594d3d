/** One machine with all that there is to tell: disks with their sizes, interfaces, snapshots, what it waits for. */
import { ask, orAbsent } from '../connection.js'
import { Inventory } from '../inventory.js'
import { text } from '../kinds/values.js'
import { procedures } from '../rpc/procedures/index.js'
import type { DiskReading } from '../xml/domain-read-disks.js'
import type { Machine, MachineView } from './machines.js'

export interface DiskView {
  readonly device: string
  readonly role: string
  /** `POOL:VOLUME` or a path. */
  readonly source?: string
  readonly format?: string
  readonly capacityBytes?: number
  readonly allocationBytes?: number
  /** What it is based on: an image, or what an overlay of a snapshot lies on. */
  readonly backing?: string
}

export interface InterfaceView {
  readonly name: string
  readonly mac: string
  readonly tap?: string
  /** `bridge br0`, `network lab`. */
  readonly plug: string
}

export interface MachineDetails extends MachineView {
  readonly title?: string
  readonly maxVcpus?: number
  readonly maxMemoryGiB?: number
  readonly firmware: string
  readonly machine: string
  readonly virtualization: string
  readonly disks: readonly DiskView[]
  readonly interfaces: readonly InterfaceView[]
  readonly snapshots: readonly string[]
  readonly graphics?: string
  readonly serialLog?: string
  /** Warnings of libvirt itself. */
  readonly messages: readonly string[]
}

/** Reads them. What one host cannot tell (snapshots, messages) is left out. */
export async function machineDetails(machine: Machine, signal: AbortSignal): Promise<MachineDetails> {
  const { host, domain, stored, live, view } = machine
  const now = live ?? stored
  const inventory = new Inventory(host, signal, false)
  const [disks, snapshots, messages] = await Promise.all([
    Promise.all(now.disks.map(disk => diskView(disk, inventory))),
    orAbsent(
      ask(host, procedures.snapshots.list, { domain, needResults: 1, flags: 0 }, signal),
      'NO_SUPPORT',
      'OPERATION_UNSUPPORTED',
    ),
    // warnings of libvirt's own, which older ones have not: each says so in its own way
    ask(host, procedures.domains.messages, { domain, flags: 0 }, signal).catch(() => []),
  ])
  signal.throwIfAborted()
  const { spec } = stored
  const title = text(spec.title)
  const taps = new Map(live?.interfaces.map(one => [one.mac, one.tap]))
  return {
    ...view,
    ...(title !== undefined && { title }),
    ...(typeof spec.maxVcpus === 'number' && { maxVcpus: spec.maxVcpus }),
    ...(typeof spec.maxMemoryGiB === 'number' && { maxMemoryGiB: spec.maxMemoryGiB }),
    firmware: text(spec.firmware) ?? '',
    machine: text(spec.machine) ?? '',
    virtualization: text(spec.virtualization) ?? '',
    disks,
    interfaces: stored.interfaces.map(one => {
      const tap = taps.get(one.mac) ?? one.tap
      return {
        name: text(one.spec.name) ?? '',
        mac: one.mac,
        ...(tap !== undefined && { tap }),
        plug: one.plug,
      }
    }),
    snapshots: (snapshots ?? []).map(one => one.name).sort(),
    ...(live?.display !== undefined && { graphics: live.display }),
    ...(now.serialLogPath !== undefined && { serialLog: now.serialLogPath }),
    messages,
  }
}

/** What cannot be read of a disk (a pool that is not active) is left out. */
async function diskView(disk: DiskReading, inventory: Inventory): Promise<DiskView> {
  const { device, role, reference, format, pool, volume: name, path } = disk
  const volume =
    pool !== undefined && name !== undefined
      ? // a disk whose volume cannot be read is shown without its size
        await inventory.volume(pool, name).catch(() => undefined)
      : path === undefined
        ? undefined
        : await inventory.volumeByPath(path)
  const reading = volume && (await inventory.read(volume))
  return {
    device,
    role,
    ...(reference !== undefined && { source: reference }),
    ...(format !== undefined && { format }),
    ...(reading !== undefined && {
      capacityBytes: reading.capacityBytes,
      allocationBytes: reading.allocationBytes,
      ...(reading.backingPath !== undefined && { backing: reading.backingPath }),
    }),
  }
}
