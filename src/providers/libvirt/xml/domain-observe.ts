/** From what a domain's XML says, and what libvirt says of its volumes, to the observation of a machine. */
import type { Attributes, Json } from '../../../model/value.js'
import { diskGib } from '../kinds/units.js'
import { fields, objects, present, text } from '../kinds/values.js'
import { bootVolume, dataVolume } from '../names.js'
import type { DomainReading } from './domain-read.js'
import type { DiskReading } from './domain-read-disks.js'

/** A volume as libvirt tells it. */
export interface VolumeReading {
  readonly pool: string
  readonly name: string
  readonly path: string
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly format: string | undefined
  /** Path of the volume that it is based on. */
  readonly backingPath: string | undefined
}

/** The volumes of all pools that were read. */
export interface Volumes<V extends VolumeReading = VolumeReading> {
  byName(pool: string, volume: string): V | undefined
  byPath(path: string): V | undefined
}

export interface Observed {
  /** What is declared, as it really is; null where a declared thing is not there. */
  readonly spec: Attributes
  /** Disks and interfaces that nobody declared: `disk vdc`, `interface eth2`. */
  readonly undeclared: readonly string[]
}

/**
 * The spec as observed. A disk whose volume is named as Foundry names a machine's own is told by its size; others by their
 * `volume`. Overlays that snapshots put on a disk are looked through: the image is what its own volume is based on.
 */
export function observedMachine(
  reading: DomainReading,
  volumes: Volumes,
  declared: Attributes = {},
): Observed {
  const dataDisks = objects(reading.spec.dataDisks).map(({ item }) => {
    const disk = reading.disks.find(one => one.role === 'data' && one.device === item.device)
    return disk === undefined ? item : dataDisk(reading, disk, volumes, declared)
  })
  const spec: Attributes = present(reading.spec, {
    bootDisk: bootDisk(reading, volumes),
    dataDisks,
    // a disk that is named by its path, as snapshots and others write it, lies in a pool all the same
    storagePool: reading.spec.storagePool ?? bootVolumes(reading, volumes)[0]?.pool,
  })
  const known = (list: 'dataDisks' | 'networkInterfaces', key: string): Set<Json | undefined> =>
    new Set(objects(declared[list]).map(({ item }) => item[key]))
  const [disks, interfaces] = [known('dataDisks', 'device'), known('networkInterfaces', 'name')]
  const isDeclared = Object.keys(declared).length > 0
  const extra = [
    ...objects(spec.dataDisks)
      .filter(({ item }) => !disks.has(item.device))
      .map(({ item }) => `disk ${text(item.device) ?? '?'}`),
    ...objects(spec.networkInterfaces)
      .filter(({ item }) => !interfaces.has(item.name))
      .map(({ item }) => `interface ${text(item.name) ?? '?'}`),
  ]
  if (!isDeclared) return { spec, undeclared: [] }
  return {
    spec: withMissing(
      // not a literal that spreads and overwrites: see `present`
      Object.assign({}, spec, {
        dataDisks: objects(spec.dataDisks)
          .map(({ item }) => item)
          .filter(item => disks.has(item.device)),
        networkInterfaces: objects(spec.networkInterfaces)
          .map(({ item }) => item)
          .filter(item => interfaces.has(item.name)),
      }),
      reading,
      declared,
    ),
    undeclared: extra,
  }
}

function bootDisk(reading: DomainReading, volumes: Volumes): Json | undefined {
  const disk = reading.disks.find(one => one.role === 'boot')
  if (disk === undefined) return undefined
  const chain = bootVolumes(reading, volumes)
  const top = chain[0]
  if (top === undefined) return disk.spec
  // Below overlays is the machine's own volume, and below that its image.
  const own = chain.findIndex(volume => volume.name === bootVolume(reading.name))
  const base = chain[own === -1 ? 0 : own]
  const image = base?.backingPath
  const imageVolume = image === undefined ? undefined : volumes.byPath(image)
  return present(disk.spec, {
    sizeGB: diskGib(top.capacityBytes),
    image: imageVolume === undefined ? image : `${imageVolume.pool}:${imageVolume.name}`,
    empty: image === undefined ? true : undefined,
    format: base?.format === 'raw' ? 'raw' : undefined,
  })
}

/** The volume of the boot disk and those below it. */
function bootVolumes(reading: DomainReading, volumes: Volumes): VolumeReading[] {
  const disk = reading.disks.find(one => one.role === 'boot')
  return disk === undefined ? [] : chainOf(disk, volumes)
}

function dataDisk(
  reading: DomainReading,
  disk: DiskReading,
  volumes: Volumes,
  declared: Attributes,
): Attributes {
  const { volume: reference, format, ...rest } = disk.spec
  if (rest.source !== undefined) return rest
  const chain = chainOf(disk, volumes)
  const top = chain[0]
  const own = chain.find(volume => volume.name === dataVolume(reading.name, disk.device))
  const wanted = objects(declared.dataDisks).find(({ item }) => item.device === disk.device)?.item
  const isOwn =
    own !== undefined ||
    (disk.volume === dataVolume(reading.name, disk.device) && wanted?.volume === undefined)
  if (!isOwn) {
    // An overlay of a snapshot on the declared volume is that volume still.
    const below = chain.map(volume => `${volume.pool}:${volume.name}`)
    const wantedVolume = text(wanted?.volume)
    const named =
      wantedVolume !== undefined && below.includes(wantedVolume) ? wantedVolume : (below[0] ?? reference)
    return present(rest, { volume: named, ...(wanted?.format !== undefined && { format }) })
  }
  return present(rest, {
    sizeGB: top === undefined ? undefined : diskGib(top.capacityBytes),
    format: own?.format ?? format,
  })
}

/** The disk's volume and the volumes below it, as far as they are known. */
export function chainOf<V extends VolumeReading>(
  disk: Pick<DiskReading, 'pool' | 'volume' | 'path'>,
  volumes: Volumes<V>,
): V[] {
  const chain: V[] = []
  let here =
    disk.pool !== undefined && disk.volume !== undefined
      ? volumes.byName(disk.pool, disk.volume)
      : disk.path === undefined
        ? undefined
        : volumes.byPath(disk.path)
  while (here !== undefined && chain.length < 64) {
    chain.push(here)
    here = here.backingPath === undefined ? undefined : volumes.byPath(here.backingPath)
  }
  return chain
}

/** Declared things that the XML would show and does not. */
const shown = [
  'title',
  'description',
  'cpuModel',
  'cpuFeatures',
  'cpuTopology',
  'numa',
  'tcgCacheMiB',
  'installIso',
  'firmwareLoader',
] as const
const shownOfInterfaces = ['filter', 'mtu', 'vlan', 'bandwidth', 'bridge', 'network', 'ethernet'] as const
const shownOfDisks = ['serial', 'limits'] as const

function withMissing(spec: Attributes, reading: DomainReading, declared: Attributes): Attributes {
  const isLive = reading.spec.cpuMode === undefined
  const missing = (known: Attributes, wanted: Attributes, names: readonly string[]): Attributes => {
    const nulls = names
      .filter(name => wanted[name] !== undefined && known[name] === undefined)
      .map(name => [name, null] as const)
    return nulls.length === 0 ? known : { ...known, ...Object.fromEntries(nulls) }
  }
  const names = isLive ? shown.filter(name => name !== 'cpuModel' && name !== 'cpuFeatures') : shown
  const wantedOf = (list: 'dataDisks' | 'networkInterfaces', key: string, item: Attributes): Attributes =>
    objects(declared[list]).find(one => one.item[key] === item[key])?.item ?? {}
  const seedGone = declared.cloudInit !== undefined && !reading.disks.some(disk => disk.role === 'seed')
  return Object.assign({}, missing(spec, declared, names), {
    bootDisk: missing(fields(spec.bootDisk), fields(declared.bootDisk), shownOfDisks),
    dataDisks: objects(spec.dataDisks).map(({ item }) =>
      missing(item, wantedOf('dataDisks', 'device', item), shownOfDisks),
    ),
    networkInterfaces: objects(spec.networkInterfaces).map(({ item }) =>
      missing(item, wantedOf('networkInterfaces', 'name', item), shownOfInterfaces),
    ),
    ...(seedGone && { cloudInit: null }),
  })
}
