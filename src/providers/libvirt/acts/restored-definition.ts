/**
 * The definition of a machine in another place: its disks in the volumes that they are in there, its log beside them; under
 * another name it is another machine, with addresses of its own and nobody's tag.
 */
import { basename, dirname, extname, join } from 'node:path'
import { ask, findVolume, type Host, orAbsent } from '../connection.js'
import { seedVolume } from '../names.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Pool } from '../rpc/types.js'
import { namespace } from '../xml/metadata.js'
import { element, find, type XmlElement, type XmlNode } from '../xml/tree.js'
import type { Manifest } from './backup-store.js'
import { nvramFolder } from './nvram.js'

/** Where a disk goes. */
export interface Place {
  readonly disk: Pick<Manifest['disks'][number], 'device' | 'format' | 'path'>
  readonly pool: Pool
  /** Folder of the pool; undefined for pools that are none. */
  readonly folder: string | undefined
  readonly volume: string
}

/** A disk of a backup, and where it goes. */
export interface Target extends Place {
  readonly disk: Manifest['disks'][number]
}

interface Wanted {
  readonly name: string
  readonly uuid: string
  readonly isSame: boolean
  readonly targets: readonly Target[]
  readonly manifest: Manifest
}

/** The definition, and what of the machine stays out of it. */
export async function definitionOf(
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

/** Where its UEFI variables go. */
export function nvramPath(manifest: Manifest, name: string): string {
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
        if (target !== undefined) return [diskAt(child, target)]
        if (await isThere(host, child, wanted, signal)) return [child]
        remarks.push(`without the disk ${device}, which is not on this host or belongs to the other machine`)
        return []
      }
      if (child.name === 'interface' && !wanted.isSame) return [interfaceFor(child)]
      if (child.name === 'serial' || child.name === 'console')
        return [serialAt(child, file => logFor(file, wanted))]
      return [child]
    }),
  )
  return { ...devices, children: children.flat() }
}

/** The disk as it is in its place. */
export function diskAt(disk: XmlElement, { pool, volume, disk: saved }: Place): XmlElement {
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

/** A serial line with its log in another place. */
export function serialAt(found: XmlElement, placeOf: (file: string) => string): XmlElement {
  return {
    ...found,
    children: found.children.map(child => {
      const file = typeof child !== 'string' && child.name === 'log' ? child.attributes.file : undefined
      if (typeof child === 'string' || file === undefined) return child
      return { ...child, attributes: { ...child.attributes, file: placeOf(file) } }
    }),
  }
}

/** A file that was beside one of the disks, where that disk is; any other stays. */
export function besideDisks(file: string, places: readonly Place[]): string {
  const disk = places.find(({ disk: { path } }) => path !== undefined && dirname(path) === dirname(file))
  return join(disk?.folder ?? dirname(file), basename(file))
}

/** Its log goes beside its disks, as it did; two machines must not write into one file. */
function logFor(file: string, { name, manifest, isSame, targets }: Wanted): string {
  const same = besideDisks(file, targets)
  if (isSame) return same
  const own = `${manifest.machine}_`
  const called = basename(file)
  return join(
    dirname(same),
    called.startsWith(own) ? `${name}_${called.slice(own.length)}` : `${called}.${name}`,
  )
}
