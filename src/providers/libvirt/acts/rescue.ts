/** A machine that does not come up, booted from another medium with its own disks attached, and put back as it was. */
import { InfraError } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { volumeReading } from '../inventory.js'
import { splitReference } from '../kinds/values.js'
import { stop } from '../power.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { createVolume, deleteVolume } from '../storage.js'
import { parseXml } from '../xml/parse.js'
import { serializeXml } from '../xml/serialize.js'
import { find, findAll, type XmlElement } from '../xml/tree.js'
import type { ActCall } from './each.js'
import { cleanUpAndThrow } from './left-behind.js'
import type { Machine } from './machines.js'
import {
  cdrom,
  freeDevice,
  inRescue,
  type Kept,
  ordersOf,
  readKept,
  rescueDisk,
  restored,
  withDisk,
  withKept,
  withoutOrder,
} from './rescue-definition.js'

export interface RescueRequest {
  /** `POOL:VOLUME` or a path on the host: a bootable ISO, as a CD-ROM. This or `image`. */
  readonly iso?: string
  /** `POOL:VOLUME` of a disk image, as a disk; it is not written to. */
  readonly image?: string
  /** Seconds for the guest to shut down before. */
  readonly timeoutSeconds?: number
}

export interface RescueResult {
  readonly rescue: boolean
  readonly medium: string
  /** The device that it boots from. */
  readonly device: string
  readonly state: 'running' | 'shut off'
}

const defaultTimeout = 30

/** Switches to the medium: the machine is stopped, and started from it. */
export async function beginRescue(
  machine: Machine,
  request: RescueRequest,
  call: ActCall,
): Promise<RescueResult> {
  const { host, domain, view } = machine
  const { signal } = call
  const root = await storedXml(machine, signal)
  if (inRescue(root)) {
    throw new InfraError({
      kind: 'operation',
      code: 'in-rescue',
      message: `${view.name} is in rescue already`,
      hint: `infra vm rescue ${view.name} --end`,
    })
  }
  const medium = request.iso ?? request.image
  if (medium === undefined || (request.iso !== undefined && request.image !== undefined)) {
    throw new InfraError({
      kind: 'configuration',
      code: 'rescue-medium',
      message: 'It was not said what to boot from',
      hint: 'Say --iso or --image, one of the two.',
    })
  }
  const volume = await mediumVolume(host, medium, signal)
  const running = view.state === 'running' || view.state === 'paused'
  await stop(host, domain, request.timeoutSeconds ?? defaultTimeout, call)
  const own = request.image === undefined ? undefined : await overlayOf(host, volume, view.name, signal)
  try {
    const device = freeDevice(root, own === undefined ? 'sd' : 'vd')
    const kept: Kept = {
      device,
      medium,
      boot: findAll(find(root, 'os'), 'boot').flatMap(one => one.attributes.dev ?? []),
      order: ordersOf(root),
      running,
      ...(own !== undefined && { volume: `${own.pool}:${own.name}` }),
    }
    const disk = own === undefined ? cdrom(volume, device) : rescueDisk(own, device)
    const xml = serializeXml(withKept(withDisk(withoutOrder(root), disk), kept))
    await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
    call.progress(`starts from ${medium}`)
    await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
    return { rescue: true, medium, device, state: 'running' }
  } catch (error) {
    const back = AbortSignal.timeout(30_000)
    return cleanUpAndThrow(
      error,
      `${view.name} is as for the rescue still: infra vm rescue ${view.name} --end`,
      async () => {
        await ask(host, procedures.domains.define, { xml: serializeXml(root), flags: 0 }, back)
        if (own !== undefined) await deleteVolume(host, own, back)
      },
    )
  }
}

/** Back to its own disks, and to what it did before. */
export async function endRescue(
  machine: Machine,
  options: { readonly timeoutSeconds?: number; readonly start?: boolean },
  call: ActCall,
): Promise<RescueResult> {
  const { host, domain, view } = machine
  const { signal } = call
  const root = await storedXml(machine, signal)
  const kept = readKept(root)
  if (kept === undefined) {
    throw new InfraError({
      kind: 'operation',
      code: 'not-in-rescue',
      message: `${view.name} is not in rescue`,
      hint: `infra vm rescue ${view.name} --iso POOL:VOLUME`,
    })
  }
  await stop(host, domain, options.timeoutSeconds ?? defaultTimeout, call)
  const xml = serializeXml(restored(root, kept))
  await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  if (kept.volume !== undefined) await removeOverlay(host, kept.volume, signal)
  const runs = options.start ?? kept.running
  if (runs) {
    call.progress('starts from its own disks')
    await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
  }
  return { rescue: false, medium: kept.medium, device: kept.device, state: runs ? 'running' : 'shut off' }
}

async function storedXml({ host, domain }: Machine, signal: AbortSignal): Promise<XmlElement> {
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  return parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
}

async function mediumVolume(host: Host, reference: string, signal: AbortSignal): Promise<Volume> {
  const parts = splitReference(reference)
  const pool = parts && (await findPool(host, parts.pool, signal))
  const found =
    parts === undefined
      ? await orAbsent(
          ask(host, procedures.volumes.lookupByPath, { path: reference }, signal),
          'NO_STORAGE_VOL',
        )
      : pool && (await findVolume(host, pool, parts.volume, signal))
  if (found !== undefined) return found
  throw new InfraError({
    kind: 'storage',
    code: 'no-volume',
    message: `There is no volume ${reference} to boot from`,
    hint: 'Put it into a pool: infra image import FILE --pool POOL; or infra pool refresh.',
  })
}

/** The image itself is never written to: machines may be based on it. */
async function overlayOf(host: Host, image: Volume, machine: string, signal: AbortSignal): Promise<Volume> {
  const reading = volumeReading(
    image,
    await ask(host, procedures.volumes.xml, { volume: image, flags: 0 }, signal),
  )
  const pool = await ask(host, procedures.pools.lookupByName, { name: image.pool }, signal)
  const name = `${machine}_rescue`
  const stale = await findVolume(host, pool, name, signal)
  if (stale !== undefined) await deleteVolume(host, stale, signal)
  const backing = { path: reading.path, format: reading.format === 'qcow2' ? 'qcow2' : 'raw' }
  return createVolume(
    host,
    pool,
    { name, capacityBytes: reading.capacityBytes, format: 'qcow2', backing },
    signal,
  )
}

async function removeOverlay(host: Host, reference: string, signal: AbortSignal): Promise<void> {
  const parts = splitReference(reference)
  const pool = parts && (await findPool(host, parts.pool, signal))
  const volume = pool && (await findVolume(host, pool, parts.volume, signal))
  if (volume !== undefined) await deleteVolume(host, volume, signal)
}
