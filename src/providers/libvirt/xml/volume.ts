/** Volumes of storage pools: their XML, and back. Machines' own disks, seeds, images and the kind Volume are all made so. */
import type { PassedOver } from './parse.js'
import { bytesOf, element, find, textElement, textOf, type XmlElement } from './tree.js'

export interface VolumeInput {
  readonly name: string
  readonly capacityBytes: number
  readonly format: 'qcow2' | 'raw' | 'iso'
  /** What it reads through: path on the host and format. Only for qcow2. */
  readonly backing?: { readonly path: string; readonly format: string }
  /** Bytes that are taken at once; none by default, so that space is taken as it is written. */
  readonly allocationBytes?: number
}

/** The XML that a volume is made with; sizes in bytes. */
export function buildVolume(input: VolumeInput): XmlElement {
  return element(
    'volume',
    {},
    textElement('name', input.name),
    textElement('capacity', input.capacityBytes, { unit: 'bytes' }),
    textElement('allocation', input.allocationBytes ?? 0, { unit: 'bytes' }),
    element(
      'target',
      {},
      element('format', { type: input.format === 'iso' ? 'raw' : input.format }),
      // Version 3 of qcow2, which QEMU has made by default since 1.7; lazy refcounts and the rest need it.
      input.format === 'qcow2' ? textElement('compat', '1.1') : undefined,
    ),
    input.backing === undefined
      ? undefined
      : element(
          'backingStore',
          {},
          textElement('path', input.backing.path),
          element('format', { type: input.backing.format }),
        ),
  )
}

export interface VolumeXmlReading {
  readonly name: string
  readonly key: string | undefined
  readonly path: string
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly format: string | undefined
  readonly backingPath: string | undefined
  readonly backingFormat: string | undefined
}

/** What `readVolume` has no use for. */
export const notRead: PassedOver = new Map([
  ['volume', new Set(['physical'])],
  ['target', new Set(['compat', 'features', 'permissions', 'timestamps'])],
])

const inUse = /<(allocation|physical|timestamps)\b.*?<\/\1>/gs

/** A volume's XML without what changes whenever a guest writes: room taken and times. */
export function withoutUse(xml: string): string {
  return xml.replace(inUse, '')
}

/** What libvirt tells of a volume; sizes in bytes. */
export function readVolume(root: XmlElement): VolumeXmlReading {
  const backing = find(root, 'backingStore')
  return {
    name: textOf(find(root, 'name')) ?? '',
    key: textOf(find(root, 'key')),
    path: textOf(find(root, 'target', 'path')) ?? '',
    capacityBytes: bytesOf(find(root, 'capacity'), 'bytes') ?? 0,
    allocationBytes: bytesOf(find(root, 'allocation'), 'bytes') ?? 0,
    format: find(root, 'target', 'format')?.attributes.type,
    backingPath: textOf(find(backing, 'path')),
    backingFormat: find(backing, 'format')?.attributes.type,
  }
}
