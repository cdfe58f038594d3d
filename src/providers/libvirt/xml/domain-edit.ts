/**
 * An update of a domain: its XML as it is, with what the new spec changes and nothing else. Elements that users added, the
 * UUID, the UEFI variables, PCI addresses: all that infra does not own comes out as it went in.
 */
import type { Attributes } from '../../../model/value.js'
import { fields, objects, present, splitReference, text } from '../kinds/values.js'
import { dataVolume } from '../names.js'
import { buildDomain } from './domain-build.js'
import type { DomainInput } from './domain-input.js'
import { readDomain } from './domain-read.js'
import { namesByMac } from './domain-read-interfaces.js'
import { type MergeKeys, mergeTrees } from './merge.js'
import { find, type XmlElement } from './tree.js'

/**
 * The persistent XML (asked for with secrets, or a password would be lost) turned into what `to` says. Applied to its own
 * result it changes nothing.
 */
export function editDomain(there: XmlElement, to: DomainInput): XmlElement {
  const from = inputOf(there, to)
  const [old, next] = [withoutPorts(buildDomain(from)), withoutPorts(buildDomain(to))]
  const base = sameFirmware(old, next) ? there : withoutFirmware(there)
  return mergeTrees(base, old, next, keysOf(from, to))
}

function sameFirmware(old: XmlElement, next: XmlElement): boolean {
  const chosen = (root: XmlElement): string => {
    const os = find(root, 'os')
    return JSON.stringify([os?.attributes.firmware, find(os, 'firmware'), find(os, 'loader')])
  }
  return chosen(old) === chosen(next)
}

/** What libvirt chose for the old firmware must not be kept for the new one: it chooses again. */
function withoutFirmware(there: XmlElement): XmlElement {
  return {
    ...there,
    children: there.children.map(child =>
      typeof child !== 'string' && child.name === 'os'
        ? {
            ...child,
            children: child.children.filter(
              part => typeof part === 'string' || (part.name !== 'loader' && part.name !== 'nvram'),
            ),
          }
        : child,
    ),
  }
}

/** What would make the XML as it is, as far as infra owns it. */
function inputOf(there: XmlElement, to: DomainInput): DomainInput {
  const reading = readDomain(there, { declared: to.spec })
  // a seed that neither infra made nor the document knows is not ours to take away
  const isOurs = to.spec.cloudInit !== undefined || reading.metadata.seed !== undefined
  const hasSeed = isOurs && reading.disks.some(disk => disk.role === 'seed')
  const seedBus = reading.disks.find(disk => disk.role === 'seed')?.bus ?? 'sata'
  const unseen = ['bootOrder', ...shownByXml].reduce<Attributes>((rest, name) => omit(rest, name), to.spec)
  const secrets = Object.fromEntries(
    reading.disks.flatMap(disk => (disk.secret === undefined ? [] : [[disk.device, disk.secret] as const])),
  )
  const formats = Object.fromEntries(
    reading.disks.flatMap(disk =>
      disk.reference === undefined || disk.format === undefined
        ? []
        : [[disk.reference, disk.format] as const],
    ),
  )
  return {
    name: reading.name,
    ...(reading.uuid !== undefined && to.uuid !== undefined && { uuid: reading.uuid }),
    spec: {
      ...unseen,
      ...reading.spec,
      dataDisks: objects(reading.spec.dataDisks).map(({ item }) => belowOverlay(reading.name, item, to.spec)),
      ...(hasSeed ? { cloudInit: { ...fields(to.spec.cloudInit), bus: seedBus } } : {}),
      ...(to.spec.bootOrder === undefined ? {} : { bootOrder: reading.spec.bootOrder ?? [] }),
    },
    ...(Object.keys(reading.metadata).length > 0 && { metadata: reading.metadata }),
    ...(reading.serialLogPath !== undefined && { serialLogPath: reading.serialLogPath }),
    ...(reading.ignitionPath !== undefined && { ignitionPath: reading.ignitionPath }),
    rbdSecrets: secrets,
    formats: { ...to.formats, ...formats },
    ...(to.arch !== undefined && { arch: to.arch }),
  }
}

/**
 * A data disk on an overlay, which a snapshot put on its volume and named after it, is the wanted disk still: to tell it as
 * another one would put the machine back on what is below, and drop all that was written since.
 */
function belowOverlay(machine: string, item: Attributes, wanted: Attributes): Attributes {
  const same = objects(wanted.dataDisks).find(one => one.item.device === item.device)?.item
  const file = text(item.volume)
  if (same === undefined || file === undefined || !file.startsWith('/')) return item
  const volume = text(same.volume)
  const own = volume === undefined ? dataVolume(machine, String(item.device)) : nameOf(volume)
  if (!file.slice(file.lastIndexOf('/') + 1).startsWith(`${own}.`)) return item
  const { volume: _overlay, format: _format, ...rest } = item
  return present(rest, { volume: same.volume, sizeGB: same.sizeGB, format: same.format })
}

function nameOf(reference: string): string {
  return splitReference(reference)?.volume ?? reference.slice(reference.lastIndexOf('/') + 1)
}

/** Fields of a spec that its XML would show: where the reading has none, there is none. */
const shownByXml = [
  'title',
  'description',
  'cloudInit',
  'cpuModel',
  'cpuFeatures',
  'cpuTopology',
  'numa',
  'firmwareLoader',
  'tcgCacheMiB',
  'installIso',
  'fwCfg',
  'shares',
  'dataDisks',
  'networkInterfaces',
]

function omit(spec: Attributes, name: string): Attributes {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => key !== name))
}

/** PCI ports are made once: more of them would not help what is plugged in already. */
function withoutPorts(domain: XmlElement): XmlElement {
  return {
    ...domain,
    children: domain.children.map(child =>
      typeof child !== 'string' && child.name === 'devices'
        ? {
            ...child,
            children: child.children.filter(device => typeof device === 'string' || !isPort(device)),
          }
        : child,
    ),
  }
}

function isPort(device: XmlElement): boolean {
  return device.name === 'controller' && device.attributes.type === 'pci'
}

function keysOf(from: DomainInput, to: DomainInput): MergeKeys {
  const names = { old: namesByMac(from.spec), new: namesByMac(to.spec) }
  return {
    ours(child, form, parent) {
      // An interface whose MAC changes stays the same interface, at its address on the bus.
      if (child.name === 'interface') return names[form].get(mac(child)) ?? mac(child)
      return mark(child, parent)
    },
    theirs: mark,
  }
}

function mac(node: XmlElement): string {
  return find(node, 'mac')?.attributes.address?.toLowerCase() ?? ''
}

/** What tells devices of one kind apart, and survives a definition. */
function mark(child: XmlElement, parent: string): string {
  const attributes = child.attributes
  switch (child.name) {
    case 'disk':
      return find(child, 'target')?.attributes.dev ?? ''
    case 'interface':
      return mac(child)
    case 'controller':
      return `${attributes.type} ${attributes.index ?? 0}`
    case 'filesystem':
      return find(child, 'target')?.attributes.dir ?? ''
    case 'channel':
      return find(child, 'target')?.attributes.name ?? ''
    case 'input':
      return `${attributes.type} ${attributes.bus}`
    case 'graphics':
      return attributes.type ?? ''
    case 'sysinfo':
      return attributes.type ?? ''
    case 'entry':
    case 'feature':
    case 'timer':
      return attributes.name ?? ''
    case 'cell':
      return attributes.id ?? ''
    case 'host':
      return `${attributes.name} ${attributes.port}`
    default:
      return parent === 'metadata' ? JSON.stringify(attributes) : ''
  }
}
