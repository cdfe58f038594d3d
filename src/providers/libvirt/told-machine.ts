/** What a machine is, made of its definitions and of what its volumes tell. Pure. */
import type { Attributes, Json } from '../../model/value.js'
import type { Observation, Target } from '../provider.js'
import type { DomainEntry } from './domains.js'
import { heldBack, withLeftDisks } from './held-back.js'
import { list, objects } from './kinds/values.js'
import { virtualMachine } from './kinds/virtual-machine/index.js'
import type { Definitions } from './machine-definitions.js'
import { bootVolume, dataVolume } from './names.js'
import { pendingPaths } from './pending.js'
import type { Progress } from './progress.js'
import { renamedRemark } from './rename.js'
import { observedMachine, type Volumes } from './xml/domain-observe.js'
import type { DomainReading } from './xml/domain-read.js'

/** An observation of a machine, but for what must be asked of its guest. */
export interface ToldMachine
  extends Pick<
    Extract<Observation, { status: 'present' }>,
    'spec' | 'owner' | 'pending' | 'remark' | 'incomplete'
  > {
  /** What its definitions tell of the facts. */
  readonly facts: { readonly [key: string]: Json | undefined }
}

/** What was found below its disks. */
export interface FoundVolumes {
  readonly volumes: Volumes
  readonly remarks: readonly string[]
  /** Devices whose volumes nobody can tell of: their pool is not active. */
  readonly unknown: ReadonlySet<string>
  /** Devices that a change which was cut off has taken away, though their volumes are there. */
  readonly left: ReadonlySet<string>
}

export function toldMachine(
  entry: DomainEntry,
  { name, spec: declared }: Pick<Target, 'name' | 'spec'>,
  { reading, live, progress, changing, isOtherCpu }: Definitions,
  { volumes, remarks: ofVolumes, unknown, left }: FoundVolumes,
): ToldMachine {
  const observed = observedMachine(reading, volumes, declared)
  const lost = lostDisks(reading, declared, volumes, unknown)
  const stored = withoutLost(observed.spec, lost)
  const running = live && observedMachine(live, volumes, declared).spec
  const now = running && heldBack({ stored, live: running, declared }, changing)
  const pending = live && [
    ...pendingPaths(running ?? {}, stored, virtualMachine.keyedLists).filter(
      path => !now?.paths.some(held => path === held || path.startsWith(`${held}.`)),
    ),
    ...leftDevices(live, reading).filter(path => !now?.paths.includes(path)),
    ...(live.metadata.seed === reading.metadata.seed ? [] : ['cloudInit']),
    ...(isOtherCpu ? ['cpuMode'] : []),
  ]
  const remarks = [
    ...stateRemarks(entry, progress, name),
    ...(changing && (now?.paths.length || left.size > 0) ? ['changed in part only'] : []),
    ...ofVolumes,
    ...lost.map(device => `the volume of its disk ${device} is gone`),
    ...(observed.undeclared.length > 0 ? [`not in the stack: ${observed.undeclared.join(', ')}`] : []),
  ]
  // not a literal that spreads and adds, here and below: see `present`
  const spec = Object.assign({}, withLeftDisks(now?.spec ?? stored, declared, left), {
    autostart: entry.autostart,
  })
  // one whose memory is saved is neither running nor stopped: it is left to whoever saved it
  if (!entry.saved) Object.assign(spec, { powerState: entry.active ? 'running' : 'stopped' })
  const { owner } = reading.metadata
  return Object.assign(
    {
      spec,
      facts: {
        macAddresses: reading.interfaces.map(one => one.mac),
        serialLog: reading.serialLogPath,
        console: live?.consolePath,
        graphics: live?.display,
      },
    },
    owner && { owner },
    pending !== undefined && pending.length > 0 ? { pending: [...new Set(pending)].sort() } : undefined,
    remarks.length > 0 ? { remark: remarks.join('; ') } : undefined,
    progress !== undefined || lost.includes('vda') ? { incomplete: true as const } : undefined,
  )
}

const doing: Readonly<Record<Progress, string>> = {
  creating: 'made',
  restoring: 'brought back',
  deleting: 'deleted',
}

function stateRemarks(entry: DomainEntry, progress: Progress | undefined, ownName: string): string[] {
  const { name } = entry.domain
  const renamed = renamedRemark(name, ownName)
  return [
    ...(renamed === undefined ? [] : [renamed]),
    ...(progress === undefined ? [] : [`${doing[progress]} in part only`]),
    ...(entry.paused ? [`paused by hand: \`virsh resume ${name}\` lets it go on`] : []),
    ...(entry.saved ? [`saved by hand: \`virsh start ${name}\` lets it go on`] : []),
    ...(entry.persistent ? [] : ['transient: it is gone once it stops']),
  ]
}

/** Devices that the running machine still has and the stored one has no more. */
function leftDevices(live: DomainReading, stored: DomainReading): string[] {
  const disks = new Set(stored.disks.map(disk => disk.device))
  const macs = new Set(stored.interfaces.map(one => one.mac))
  return [
    ...live.disks
      .filter(disk => disk.role === 'data' && !disks.has(disk.device))
      .map(disk => `dataDisks[${disk.device}]`),
    ...live.interfaces
      .filter(one => !macs.has(one.mac))
      .map(one => `networkInterfaces[${String(one.spec.name)}]`),
  ]
}

/** Devices of the machine's own disks whose volume is not there any more. */
function lostDisks(
  reading: DomainReading,
  declared: Attributes,
  volumes: Volumes,
  unknown: ReadonlySet<string>,
): string[] {
  const referenced = new Set(
    objects(declared.dataDisks).flatMap(({ item }) => (item.volume === undefined ? [] : [item.device])),
  )
  return reading.disks
    .filter(disk => {
      const own = disk.role === 'boot' ? bootVolume(reading.name) : dataVolume(reading.name, disk.device)
      if (disk.role !== 'boot' && disk.role !== 'data') return false
      if (disk.volume !== own || disk.pool === undefined) return false
      if (unknown.has(disk.device) || referenced.has(disk.device)) return false
      return volumes.byName(disk.pool, disk.volume) === undefined
    })
    .map(disk => disk.device)
}

function withoutLost(spec: Attributes, lost: readonly string[]): Attributes {
  if (lost.length === 0) return spec
  return { ...spec, dataDisks: list(spec.dataDisks).filter(item => !lost.includes(deviceOf(item))) }
}

function deviceOf(item: Json): string {
  return typeof item === 'object' && item !== null && 'device' in item ? String(item.device) : ''
}
