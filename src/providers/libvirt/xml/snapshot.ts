/** Snapshots of machines: their XML, and back. */
import type { Attributes } from '../../../model/value.js'
import type { Owner } from '../../provider.js'
import { present, text } from '../kinds/values.js'
import { element, find, findAll, integerOf, textElement, textOf, type XmlElement } from './tree.js'

/** Snapshots have no UUID and no metadata of their own: who made one stands in the last line of its description. */
export interface SnapshotMark {
  readonly uuid: string
  readonly owner: Owner
}

const markPattern = /\n*made by infra: (\S+) (\S+) (\S+)$/

/** The description as libvirt keeps it. */
export function markedDescription(
  description: string | undefined,
  mark: SnapshotMark | undefined,
): string | undefined {
  if (mark === undefined) return description
  const { uuid, owner } = mark
  const line = `made by infra: ${uuid} ${owner.lineage} ${owner.address}`
  return description === undefined ? line : `${description}\n\n${line}`
}

export interface SnapshotInput {
  readonly name: string
  /** None on a snapshot that is nobody's resource. */
  readonly mark?: SnapshotMark
  /** Canonical, of kind Snapshot. */
  readonly spec: Attributes
  /** Devices of the machine's writable disks; the others are left out. */
  readonly disks: readonly string[]
  /** Devices that a snapshot leaves out: CD-ROMs, disks of the network. */
  readonly without?: readonly string[]
  /** Overlay files of an external snapshot by device; libvirt names them after the snapshot where absent. */
  readonly overlays?: Readonly<Record<string, string>>
  /** File for the memory of an external snapshot with memory. */
  readonly memoryPath?: string
}

/** The XML that a snapshot is taken with. */
export function buildSnapshot(input: SnapshotInput): XmlElement {
  const { spec } = input
  const storage = text(spec.storage) ?? 'external'
  const memory = spec.memory === true
  return element(
    'domainsnapshot',
    {},
    textElement('name', input.name),
    textElement('description', markedDescription(text(spec.description), input.mark)),
    element(
      'memory',
      memory && storage === 'external'
        ? { snapshot: 'external', file: input.memoryPath }
        : { snapshot: memory ? 'internal' : 'no' },
    ),
    element(
      'disks',
      {},
      input.disks.map(device => diskElement(device, storage, input.overlays?.[device])),
      (input.without ?? []).map(device => element('disk', { name: device, snapshot: 'no' })),
    ),
  )
}

function diskElement(device: string, storage: string, overlay: string | undefined): XmlElement {
  if (storage === 'internal') return element('disk', { name: device, snapshot: 'internal' })
  return element(
    'disk',
    { name: device, snapshot: 'external', type: 'file' },
    element('driver', { type: 'qcow2' }),
    overlay === undefined ? undefined : element('source', { file: overlay }),
  )
}

export interface SnapshotReading {
  readonly name: string
  /** Seconds since 1970. */
  readonly createdAt: number | undefined
  /** What the machine did: running, paused, shutoff, disk-snapshot. */
  readonly state: string | undefined
  readonly parent: string | undefined
  readonly spec: Attributes
  readonly mark: SnapshotMark | undefined
  /** Overlay files by device, of an external snapshot. */
  readonly overlays: Readonly<Record<string, string>>
  /** File with the memory, of an external snapshot with memory. */
  readonly memoryPath: string | undefined
}

/** What libvirt tells of a snapshot; times in seconds since 1970. */
export function readSnapshot(root: XmlElement): SnapshotReading {
  const disks = findAll(find(root, 'disks'), 'disk')
  const memory = find(root, 'memory')?.attributes.snapshot ?? 'no'
  const external = disks.some(disk => disk.attributes.snapshot === 'external')
  const described = textOf(find(root, 'description')) ?? ''
  const [line, uuid, lineage, address] = markPattern.exec(described) ?? []
  const description = line === undefined ? described : described.slice(0, -line.length)
  return {
    name: textOf(find(root, 'name')) ?? '',
    createdAt: integerOf(find(root, 'creationTime')),
    state: textOf(find(root, 'state')),
    parent: textOf(find(root, 'parent', 'name')),
    spec: present({
      virtualMachine: textOf(find(root, 'domain', 'name')),
      description: description === '' ? undefined : description,
      memory: memory !== 'no',
      storage: external || memory === 'external' ? 'external' : 'internal',
    }),
    mark:
      uuid === undefined || lineage === undefined || address === undefined
        ? undefined
        : { uuid, owner: { lineage, address } },
    memoryPath: memory === 'external' ? find(root, 'memory')?.attributes.file : undefined,
    overlays: Object.fromEntries(
      disks.flatMap(disk => {
        const file = find(disk, 'source')?.attributes.file
        return disk.attributes.snapshot === 'external' && file !== undefined
          ? [[disk.attributes.name ?? '', file]]
          : []
      }),
    ),
  }
}
