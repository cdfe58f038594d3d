/** Storage pools: their XML from a canonical spec, and back. */
import type { Attributes, Json } from '../../../model/value.js'
import { fields, list, number, present, text } from '../kinds/values.js'
import { hostElement } from './domain-disks.js'
import {
  bytesOf,
  element,
  elements,
  find,
  findAll,
  integerOf,
  textElement,
  textOf,
  type XmlElement,
} from './tree.js'

export interface PoolInput {
  readonly name: string
  readonly uuid?: string
  /** Canonical, of kind StoragePool. */
  readonly spec: Attributes
  /** UUID of libvirt's secret for the Ceph user. */
  readonly rbdSecret?: string
}

/** The XML that a StoragePool is defined with. */
export function buildPool(input: PoolInput): XmlElement {
  const { spec } = input
  const type = text(spec.type) ?? 'dir'
  const target = targetPath(type, input)
  return element(
    'pool',
    { type },
    textElement('name', input.name),
    textElement('uuid', input.uuid),
    sourceElement(type, input),
    target === undefined
      ? undefined
      : element('target', {}, textElement('path', target), permissionsElement(fields(spec.permissions))),
  )
}

function targetPath(type: string, { spec, name }: PoolInput): string | undefined {
  if (type === 'rbd' || type === 'zfs') return undefined
  if (type === 'logical') return `/dev/${text(fields(spec.logical).volumeGroup) ?? name}`
  return text(spec.path)
}

function permissionsElement(permissions: Attributes): XmlElement | undefined {
  if (Object.keys(permissions).length === 0) return undefined
  return element(
    'permissions',
    {},
    textElement('mode', text(permissions.mode) ?? '0711'),
    textElement('owner', number(permissions.owner)),
    textElement('group', number(permissions.group)),
  )
}

function sourceElement(type: string, input: PoolInput): XmlElement | undefined {
  const section = fields(input.spec[type])
  const devices = list(section.devices).map(path => element('device', { path: text(path) }))
  switch (type) {
    case 'logical':
      return element(
        'source',
        {},
        devices,
        textElement('name', text(section.volumeGroup)),
        element('format', { type: 'lvm2' }),
      )
    case 'netfs':
      return element(
        'source',
        {},
        element('host', { name: text(section.server) }),
        element('dir', { path: text(section.export) }),
        element('format', { type: text(section.format) ?? 'nfs' }),
        section.version === undefined ? undefined : element('protocol', { ver: text(section.version) }),
      )
    case 'zfs':
      return element('source', {}, devices, textElement('name', text(section.dataset)))
    case 'rbd':
      return element(
        'source',
        {},
        list(section.monitors).flatMap(monitor =>
          typeof monitor === 'string' ? [hostElement(monitor)] : [],
        ),
        textElement('name', text(section.pool)),
        section.user === undefined || input.rbdSecret === undefined
          ? undefined
          : element(
              'auth',
              { type: 'ceph', username: text(section.user) },
              element('secret', { uuid: input.rbdSecret }),
            ),
      )
    case 'disk':
      return element(
        'source',
        {},
        element('device', { path: text(section.device) }),
        element('format', { type: text(section.format) ?? 'gpt' }),
      )
    default:
      return undefined
  }
}

export interface PoolReading {
  readonly name: string
  readonly uuid: string | undefined
  /** What the XML tells of the spec; whether it starts with the host is not in it. */
  readonly spec: Attributes
  readonly path: string | undefined
  readonly capacityBytes: number | undefined
  readonly allocationBytes: number | undefined
  readonly availableBytes: number | undefined
}

/** A permission that the spec does not declare is libvirt's affair and is not told. */
export function readPool(root: XmlElement, declared: Attributes = {}): PoolReading {
  const type = root.attributes.type ?? 'dir'
  const source = find(root, 'source')
  const path = textOf(find(root, 'target', 'path'))
  return {
    name: textOf(find(root, 'name')) ?? '',
    uuid: textOf(find(root, 'uuid')),
    spec: present({
      type,
      path: ['dir', 'netfs', 'disk'].includes(type) ? path : undefined,
      permissions: readPermissions(find(root, 'target', 'permissions'), fields(declared.permissions)),
      ...(type !== 'dir' &&
        source !== undefined && { [type]: readSource(type, source, fields(declared[type])) }),
    }),
    path,
    capacityBytes: bytesOf(find(root, 'capacity'), 'bytes'),
    allocationBytes: bytesOf(find(root, 'allocation'), 'bytes'),
    availableBytes: bytesOf(find(root, 'available'), 'bytes'),
  }
}

function readPermissions(found: XmlElement | undefined, declared: Attributes): Json | undefined {
  if (Object.keys(declared).length === 0 || found === undefined) return undefined
  const mode = textOf(find(found, 'mode'))
  const all: { readonly [key: string]: Json | undefined } = {
    mode: mode === undefined ? undefined : `0${mode.slice(-3)}`,
    owner: integerOf(find(found, 'owner')),
    group: integerOf(find(found, 'group')),
  }
  return present(Object.fromEntries(Object.entries(all).filter(([key]) => declared[key] !== undefined)))
}

function readSource(type: string, source: XmlElement, declared: Attributes): Attributes {
  const devices = findAll(source, 'device').flatMap(device => device.attributes.path ?? [])
  const name = textOf(find(source, 'name'))
  const format = find(source, 'format')?.attributes.type
  const declaredDevices = declared.devices === undefined || devices.length === 0 ? undefined : devices
  switch (type) {
    case 'logical':
      return present({ volumeGroup: name, devices: declaredDevices })
    case 'netfs':
      return present({
        server: find(source, 'host')?.attributes.name,
        export: find(source, 'dir')?.attributes.path,
        format,
        version: find(source, 'protocol')?.attributes.ver,
      })
    case 'zfs':
      return present({ dataset: name, devices: declaredDevices })
    case 'rbd':
      return present({
        pool: name,
        monitors: readMonitors(source),
        user: find(source, 'auth')?.attributes.username,
      })
    case 'disk':
      return present({ device: devices[0], format })
    default:
      return {}
  }
}

/** `HOST`, `HOST:PORT`, `[IPv6]:PORT` of each `<host>`. */
export function readMonitors(source: XmlElement): string[] {
  return elements(source)
    .filter(child => child.name === 'host')
    .map(({ attributes }) => {
      const name = attributes.name ?? ''
      const host = name.includes(':') ? `[${name}]` : name
      return attributes.port === undefined ? host : `${host}:${attributes.port}`
    })
}
