/** The disks of a domain's XML: which is which, and what each says. */
import type { Attributes, Json } from '../../../model/value.js'
import { present } from '../kinds/values.js'
import { seedVolume } from '../names.js'
import { limitNames } from './domain-disks.js'
import { readMonitors } from './pool.js'
import { find, findAll, integerOf, textOf, toInteger, type XmlElement } from './tree.js'

/** What a disk is to the machine. `other`: a floppy, a LUN, a disk on a bus that documents do not have. */
export type DiskRole = 'boot' | 'data' | 'seed' | 'install' | 'other'

export interface DiskReading {
  readonly role: DiskRole
  /** Device of the guest, or of the controller: `vda`, `sda`. */
  readonly device: string
  readonly bus: string | undefined
  readonly pool: string | undefined
  readonly volume: string | undefined
  readonly path: string | undefined
  /** `POOL:VOLUME` or a path; undefined for an empty drive or a disk of the network. */
  readonly reference: string | undefined
  readonly format: string | undefined
  readonly bootOrder: number | undefined
  /** UUID of the secret that it is opened with. */
  readonly secret: string | undefined
  /** The part of a machine's spec that it tells. */
  readonly spec: Attributes
}

/** All disks. The boot disk is `vda`, or else the first disk there is. */
export function readDisks(root: XmlElement, machine: string): readonly DiskReading[] {
  const nodes = findAll(find(root, 'devices'), 'disk')
  const boot = bootNode(nodes)
  return nodes.map(node => readDisk(node, role(node, node === boot, machine)))
}

function bootNode(nodes: readonly XmlElement[]): XmlElement | undefined {
  const disks = nodes.filter(node => (node.attributes.device ?? 'disk') === 'disk')
  return disks.find(node => target(node)?.dev === 'vda') ?? disks[0]
}

function target(node: XmlElement): Readonly<Record<string, string>> | undefined {
  return find(node, 'target')?.attributes
}

function role(node: XmlElement, isBoot: boolean, machine: string): DiskRole {
  const device = node.attributes.device ?? 'disk'
  const source = find(node, 'source')?.attributes
  const name = source?.volume ?? source?.file?.split('/').at(-1)
  if (name !== undefined && (name === seedVolume(machine) || name === `${seedVolume(machine)}.iso`))
    return 'seed'
  if (device === 'cdrom') return 'install'
  if (device !== 'disk') return 'other'
  if (isBoot) return 'boot'
  return /^vd([b-z]|[a-y][a-z])$/.test(target(node)?.dev ?? '') ? 'data' : 'other'
}

function readDisk(node: XmlElement, diskRole: DiskRole): DiskReading {
  const source = find(node, 'source')
  const driver = find(node, 'driver')?.attributes
  const device = target(node)?.dev ?? ''
  const { pool, volume } = source?.attributes ?? {}
  const path = source?.attributes.file ?? source?.attributes.dev
  const reference = pool !== undefined && volume !== undefined ? `${pool}:${volume}` : path
  const common = present({
    cache: driver?.cache === 'default' ? undefined : driver?.cache,
    serial: textOf(find(node, 'serial')),
    limits: limits(find(node, 'iotune')),
  })
  return {
    role: diskRole,
    device,
    bus: target(node)?.bus,
    pool,
    volume,
    path,
    reference,
    format: driver?.type,
    bootOrder: toInteger(find(node, 'boot')?.attributes.order),
    secret: find(node, 'auth', 'secret')?.attributes.uuid ?? find(source, 'auth', 'secret')?.attributes.uuid,
    spec:
      diskRole === 'boot'
        ? common
        : present({
            device,
            volume: reference,
            source: rbd(node, source),
            format: driver?.type,
            readOnly: find(node, 'readonly') !== undefined,
            ...common,
          }),
  }
}

function limits(found: XmlElement | undefined): Json | undefined {
  if (found === undefined) return undefined
  const known = present(
    Object.fromEntries(
      Object.entries(limitNames).map(([field, name]) => [field, integerOf(find(found, name)) || undefined]),
    ),
  )
  return Object.keys(known).length === 0 ? undefined : known
}

function rbd(node: XmlElement, source: XmlElement | undefined): Json | undefined {
  if (source?.attributes.protocol !== 'rbd') return undefined
  const [pool, ...rest] = (source.attributes.name ?? '').split('/')
  const image = rest.at(-1)
  const auth = find(node, 'auth') ?? find(source, 'auth')
  const monitors = readMonitors(source)
  return {
    rbd: present({
      pool,
      namespace: rest.length > 1 ? rest[0] : undefined,
      image,
      monitors,
      user: auth?.attributes.username,
    }),
  }
}
