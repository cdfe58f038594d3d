/**
 * The definition of a machine in rescue: booted from one more disk. How it booted before is kept in its own metadata, so that
 * whoever ends the rescue need know nothing of its beginning.
 */
import { isObject, type Json } from '../../../model/value.js'
import type { Volume } from '../rpc/types.js'
import { element, elements, find, findAll, textOf, type XmlElement, type XmlNode } from '../xml/tree.js'

const namespace = 'https://infra.dev/xmlns/rescue/v1'
const prefix = 'infra-rescue'

/** How it booted before. */
export interface Kept {
  readonly device: string
  readonly medium: string
  /** `<boot dev>` of the definition. */
  readonly boot: readonly string[]
  /** Boot order of devices, by what tells them apart. */
  readonly order: Readonly<Record<string, string>>
  readonly running: boolean
  /** `POOL:VOLUME` that was made for it. */
  readonly volume?: string
}

/** Whether the definition is that of a rescue. */
export function inRescue(root: XmlElement): boolean {
  return keptElement(root) !== undefined
}

/** A bootable ISO as a drive. */
export function cdrom({ pool, name }: Volume, device: string): XmlElement {
  return element(
    'disk',
    { type: 'volume', device: 'cdrom' },
    element('driver', { name: 'qemu', type: 'raw' }),
    element('source', { pool, volume: name }),
    element('target', { dev: device, bus: 'sata' }),
    element('readonly'),
    element('boot', { order: 1 }),
  )
}

/** A bootable image as a disk. */
export function rescueDisk({ pool, name }: Volume, device: string): XmlElement {
  return element(
    'disk',
    { type: 'volume', device: 'disk' },
    element('driver', { name: 'qemu', type: 'qcow2' }),
    element('source', { pool, volume: name }),
    element('target', { dev: device, bus: 'virtio' }),
    element('boot', { order: 1 }),
  )
}

/** The last name that is free: the machine's own disks keep theirs in the guest. */
export function freeDevice(root: XmlElement, kind: 'sd' | 'vd'): string {
  const taken = new Set(
    findAll(find(root, 'devices'), 'disk').map(disk => find(disk, 'target')?.attributes.dev),
  )
  const letters = kind === 'vd' ? 'zyxwvutsrqponmlkjihgfedcb' : 'fedcba'
  return `${kind}${[...letters].find(letter => !taken.has(`${kind}${letter}`)) ?? 'z'}`
}

function keyOf(device: XmlElement): string {
  return device.name === 'interface'
    ? `interface ${find(device, 'mac')?.attributes.address}`
    : `${device.name} ${find(device, 'target')?.attributes.dev}`
}

/** The boot order of its devices, by what tells them apart. */
export function ordersOf(root: XmlElement): Record<string, string> {
  const devices = find(root, 'devices')
  return Object.fromEntries(
    (devices === undefined ? [] : elements(devices)).flatMap(device => {
      const order = find(device, 'boot')?.attributes.order
      return order === undefined ? [] : [[keyOf(device), order]]
    }),
  )
}

function mapDevices(root: XmlElement, change: (device: XmlElement) => XmlNode[]): XmlElement {
  return mapChildren(root, 'devices', devices => ({
    ...devices,
    children: devices.children.flatMap(child => (typeof child === 'string' ? [child] : change(child))),
  }))
}

function mapChildren(root: XmlElement, name: string, change: (child: XmlElement) => XmlElement): XmlElement {
  return {
    ...root,
    children: root.children.map(child =>
      typeof child !== 'string' && child.name === name ? change(child) : child,
    ),
  }
}

function without(node: XmlElement, name: string): XmlElement {
  return {
    ...node,
    children: node.children.filter(child => typeof child === 'string' || child.name !== name),
  }
}

/** Booted by nothing of its own. */
export function withoutOrder(root: XmlElement): XmlElement {
  return mapDevices(
    mapChildren(root, 'os', os => without(os, 'boot')),
    device => [without(device, 'boot')],
  )
}

/** With one more disk. */
export function withDisk(root: XmlElement, disk: XmlElement): XmlElement {
  return mapChildren(root, 'devices', devices => ({ ...devices, children: [...devices.children, disk] }))
}

/** With how it booted before in its metadata. */
export function withKept(root: XmlElement, kept: Kept): XmlElement {
  const mark = element(`${prefix}:kept`, { [`xmlns:${prefix}`]: namespace }, JSON.stringify(kept))
  if (find(root, 'metadata') === undefined)
    return { ...root, children: [element('metadata', {}, mark), ...root.children] }
  return mapChildren(root, 'metadata', metadata => ({ ...metadata, children: [...metadata.children, mark] }))
}

function keptElement(root: XmlElement): XmlElement | undefined {
  const holder = find(root, 'metadata')
  return holder && elements(holder).find(child => Object.values(child.attributes).includes(namespace))
}

/** How it booted before; undefined for a machine that is not in rescue. */
export function readKept(root: XmlElement): Kept | undefined {
  const found = textOf(keptElement(root))
  if (found === undefined) return undefined
  const value = JSON.parse(found) as Json
  return isObject(value) && typeof value.device === 'string' ? (value as unknown as Kept) : undefined
}

/** As it was before the rescue. */
export function restored(root: XmlElement, kept: Kept): XmlElement {
  const mark = keptElement(root)
  const plain = mapChildren(root, 'metadata', metadata => ({
    ...metadata,
    children: metadata.children.filter(child => child !== mark),
  }))
  const booting = mapChildren(plain, 'os', os => ({
    ...os,
    children: [...without(os, 'boot').children, ...kept.boot.map(dev => element('boot', { dev }))],
  }))
  return mapDevices(booting, device => {
    const key = keyOf(device)
    if (key === `disk ${kept.device}`) return []
    const order = kept.order[key]
    const bare = without(device, 'boot')
    return order === undefined
      ? [bare]
      : [{ ...bare, children: [...bare.children, element('boot', { order })] }]
  })
}
