/** The disks of a domain: each is built alone, too, to be plugged into a running machine. */
import type { Attributes } from '../../../model/value.js'
import { fields, list, number, objects, splitReference, text } from '../kinds/values.js'
import { bootVolume, dataVolume, defaultVmPool, seedVolume } from '../names.js'
import { type DomainInput, volumeFormat } from './domain-input.js'
import { bootOrder } from './domain-platform.js'
import { element, textElement, type XmlElement } from './tree.js'

/** The seed's device where it is a disk: out of the way of data disks. */
const virtioSeed = 'vdzz'

export function diskElements(input: DomainInput): XmlElement[] {
  const data = objects(input.spec.dataDisks).map(({ item }) => dataDiskElement(input, item))
  return [bootDiskElement(input), ...data, seedElement(input), installElement(input)].filter(
    disk => disk !== undefined,
  )
}

export function bootDiskElement(input: DomainInput): XmlElement {
  const { name, spec } = input
  const pool = text(spec.storagePool) ?? defaultVmPool
  const boot = fields(spec.bootDisk)
  return disk(input, boot, 'vda', {
    format: text(boot.format) ?? volumeFormat(input, pool, bootVolume(name)),
    type: 'volume',
    source: element('source', { pool, volume: bootVolume(name) }),
  })
}

/** A data disk: a volume of the machine's own, an existing one, or an RBD image. */
export function dataDiskElement(input: DomainInput, item: Attributes): XmlElement {
  const device = text(item.device) ?? ''
  return disk(input, item, device, dataSource(input, item, device))
}

interface DiskSource {
  readonly type: 'volume' | 'file' | 'network'
  readonly format: string
  readonly auth?: XmlElement
  readonly source: XmlElement
}

function dataSource(input: DomainInput, item: Attributes, device: string): DiskSource {
  const rbd = fields(fields(item.source).rbd)
  const image = text(rbd.image)
  if (image !== undefined) return rbdSource(input, rbd, device)
  const reference = text(item.volume)
  if (reference?.startsWith('/')) {
    const format = /\.(raw|img|iso)$/.test(reference) || reference.startsWith('/dev/') ? 'raw' : 'qcow2'
    return {
      type: 'file',
      format: text(item.format) ?? format,
      source: element('source', { file: reference }),
    }
  }
  const parts = splitReference(reference ?? '') ?? {
    pool: text(input.spec.storagePool) ?? defaultVmPool,
    volume: reference ?? dataVolume(input.name, device),
  }
  return {
    type: 'volume',
    format: text(item.format) ?? volumeFormat(input, parts.pool, parts.volume),
    source: element('source', { pool: parts.pool, volume: parts.volume }),
  }
}

function rbdSource(input: DomainInput, rbd: Attributes, device: string): DiskSource {
  const user = text(rbd.user)
  const secret = input.rbdSecrets?.[device]
  const namespace = text(rbd.namespace)
  const parts = [text(rbd.pool), ...(namespace === undefined ? [] : [namespace]), text(rbd.image)]
  const hosts = list(rbd.monitors).flatMap(monitor =>
    typeof monitor === 'string' ? [hostElement(monitor)] : [],
  )
  return {
    type: 'network',
    format: 'raw',
    ...(user !== undefined &&
      secret !== undefined && {
        auth: element('auth', { username: user }, element('secret', { type: 'ceph', uuid: secret })),
      }),
    source: element('source', { protocol: 'rbd', name: parts.join('/') }, hosts),
  }
}

/** `HOST`, `HOST:PORT`, `[IPv6]:PORT`. */
export function hostElement(monitor: string): XmlElement {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(monitor)
  return element('host', { name: match?.[1] ?? match?.[2] ?? monitor, port: match?.[3] })
}

function disk(input: DomainInput, item: Attributes, device: string, from: DiskSource): XmlElement {
  return element(
    'disk',
    { type: from.type, device: 'disk' },
    element('driver', { name: 'qemu', type: from.format, cache: text(item.cache), discard: 'unmap' }),
    from.auth,
    from.source,
    element('target', { dev: device, bus: 'virtio' }),
    limitsElement(fields(item.limits)),
    item.readOnly === true ? element('readonly') : undefined,
    textElement('serial', text(item.serial)),
    bootElement(input, device),
  )
}

export const limitNames: Readonly<Record<string, string>> = {
  totalBytesPerSecond: 'total_bytes_sec',
  readBytesPerSecond: 'read_bytes_sec',
  writeBytesPerSecond: 'write_bytes_sec',
  totalIops: 'total_iops_sec',
  readIops: 'read_iops_sec',
  writeIops: 'write_iops_sec',
}

function limitsElement(limits: Attributes): XmlElement | undefined {
  const parts = Object.entries(limitNames).map(([field, name]) => textElement(name, number(limits[field])))
  return parts.some(part => part !== undefined) ? element('iotune', {}, parts) : undefined
}

/** The cloud-init seed: a CD-ROM, or a read-only disk for guests that see no SATA. */
export function seedElement(input: DomainInput): XmlElement | undefined {
  if (input.spec.cloudInit === undefined) return undefined
  const bus = text(fields(input.spec.cloudInit).bus) ?? 'sata'
  const source = element('source', {
    pool: text(input.spec.storagePool) ?? defaultVmPool,
    volume: seedVolume(input.name),
  })
  return cdrom(
    source,
    bus === 'virtio' ? { device: 'disk', dev: virtioSeed, bus } : { device: 'cdrom', dev: 'sda', bus },
    'volume',
  )
}

/** The drive of an installation medium. */
export function installElement(input: DomainInput): XmlElement | undefined {
  const iso = text(input.spec.installIso)
  if (iso === undefined) return undefined
  const parts = splitReference(iso)
  const source = parts === undefined ? element('source', { file: iso }) : element('source', { ...parts })
  const drive = cdrom(
    source,
    { device: 'cdrom', dev: 'sdb', bus: 'sata' },
    parts === undefined ? 'file' : 'volume',
  )
  const boot = bootElement(input, 'cdrom')
  return boot === undefined ? drive : { ...drive, children: [...drive.children, boot] }
}

function cdrom(
  source: XmlElement,
  target: { device: string; dev: string; bus: string },
  type: string,
): XmlElement {
  return element(
    'disk',
    { type, device: target.device },
    element('driver', { name: 'qemu', type: 'raw' }),
    source,
    element('target', { dev: target.dev, bus: target.bus }),
    element('readonly'),
  )
}

/** `<boot order>` of a device, where it is booted from. */
export function bootElement(input: DomainInput, device: string): XmlElement | undefined {
  const place = bootOrder(input.spec).indexOf(device)
  return place === -1 ? undefined : element('boot', { order: place + 1 })
}
