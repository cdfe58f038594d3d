/** From a request to what a machine's XML is made from, with everything on the host that it needs, checked. */
import type { Attributes } from '../../model/value.js'
import type { Owner } from '../provider.js'
import { putCephSecret } from './ceph-secret.js'
import { ask, type Host, orAbsent } from './connection.js'
import { fields, objects, splitReference, text } from './kinds/values.js'
import { virtualMachine } from './kinds/virtual-machine/index.js'
import { defaultVmPool, ignitionVolume } from './names.js'
import { missing } from './nearest.js'
import { needPlugs } from './plugs.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'
import { activePool, needVolume, readingOf } from './storage.js'
import type { DomainInput } from './xml/domain-input.js'
import { withoutSecrets } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'
import { readPool } from './xml/pool.js'

export interface MachineRequest {
  readonly name: string
  readonly spec: Attributes
  readonly owner: Owner
  readonly labels: Readonly<Record<string, string>>
}

export interface Backing {
  readonly path: string
  readonly format: string
  readonly capacityBytes: number
}

export interface MachineParts {
  readonly pool: Pool
  /** Folder of the pool; undefined for pools that are none. */
  readonly folder: string | undefined
  /** What the boot disk starts from, where that was looked for. */
  readonly image: Backing | undefined
  readonly formats: Readonly<Record<string, string>>
  readonly rbdSecrets: Readonly<Record<string, string>>
}

/**
 * Finds all that the machine names on the host, before anything is made. What is missing is an error with what there is. Its
 * image is looked for only where a boot disk is made from it: a machine that is there may have outlived it.
 */
export async function findParts(
  host: Host,
  spec: Attributes,
  signal: AbortSignal,
  options: { readonly image: boolean } = { image: true },
): Promise<MachineParts> {
  const [{ pool, folder }, image, formats, rbdSecrets] = await Promise.all([
    poolAndFolder(host, text(spec.storagePool) ?? defaultVmPool, signal),
    options.image ? findImage(host, spec, signal) : undefined,
    volumeFormats(host, spec, signal),
    putSecrets(host, spec, signal),
    needPlugs(host, spec, signal),
  ])
  return { pool, folder, image, formats, rbdSecrets }
}

async function poolAndFolder(
  host: Host,
  name: string,
  signal: AbortSignal,
): Promise<Pick<MachineParts, 'pool' | 'folder'>> {
  const pool = await activePool(host, name, signal)
  const xml = await ask(host, procedures.pools.xml, { pool, flags: 0 }, signal)
  const { path, spec } = readPool(parseXml(xml))
  return { pool, folder: spec.type === 'dir' || spec.type === 'netfs' ? path : undefined }
}

/** All that the XML is made from; asks nothing. */
export function machineInput(
  request: MachineRequest,
  uuid: string,
  parts: MachineParts,
  seed: string | undefined,
): DomainInput {
  const { name, spec, owner, labels } = request
  const { folder, formats, rbdSecrets } = parts
  const log = spec.serialLog
  const serialLogPath =
    typeof log === 'string' ? log : log === true && folder ? `${folder}/${serialLog(name)}` : undefined
  return {
    name,
    uuid,
    spec,
    metadata: {
      owner,
      labels,
      document: withoutSecrets(spec, virtualMachine.sensitive),
      ...(seed !== undefined && { seed }),
    },
    formats,
    rbdSecrets,
    ...(serialLogPath !== undefined && { serialLogPath }),
    ...(spec.ignition !== undefined &&
      folder !== undefined && { ignitionPath: `${folder}/${ignitionVolume(name)}` }),
  }
}

/** The file, in the folder of its pool, with what a machine's serial console said. */
export function serialLog(machine: string): string {
  return `${machine}_serial.log`
}

async function findImage(host: Host, spec: Attributes, signal: AbortSignal): Promise<Backing | undefined> {
  const reference = text(fields(spec.bootDisk).image)
  if (reference === undefined) return undefined
  const parts = splitReference(reference)
  const volume =
    parts === undefined
      ? await orAbsent(
          ask(host, procedures.volumes.lookupByPath, { path: reference }, signal),
          'NO_STORAGE_VOL',
        )
      : await needVolume(host, await activePool(host, parts.pool, signal), parts.volume, signal)
  const reading = volume && (await readingOf(host, volume, signal))
  if (reading === undefined)
    throw missing('image', reference, [], 'Put it into a storage pool: a document of kind Image')
  return {
    path: reading.path,
    format: reading.format === 'qcow2' ? 'qcow2' : 'raw',
    capacityBytes: reading.capacityBytes,
  }
}

/** Formats of existing volumes that are disks, which their names do not always tell. */
async function volumeFormats(
  host: Host,
  spec: Attributes,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const references = objects(spec.dataDisks).flatMap(({ item }) => text(item.volume) ?? [])
  const entries = await Promise.all(
    references.map(async reference => {
      const parts = splitReference(reference)
      if (parts === undefined) return []
      const volume = await needVolume(host, await activePool(host, parts.pool, signal), parts.volume, signal)
      const reading = await readingOf(host, volume, signal)
      return reading === undefined ? [] : [[reference, reading.format === 'qcow2' ? 'qcow2' : 'raw'] as const]
    }),
  )
  return Object.fromEntries(entries.flat())
}

/** libvirt's secrets for the Ceph users of RBD disks, by the disk's device. */
async function putSecrets(
  host: Host,
  spec: Attributes,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const entries = await Promise.all(
    objects(spec.dataDisks).map(async ({ item }) => {
      const uuid = await putCephSecret(host, fields(fields(item.source).rbd), signal)
      return uuid === undefined ? [] : [[text(item.device) ?? '', uuid] as const]
    }),
  )
  return Object.fromEntries(entries.flat())
}
