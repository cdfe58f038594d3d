/** A machine that does not come up, booted from another medium with its own disks attached, and put back as it was. */
import { InfraError } from '../../../model/error.js'
import { ask } from '../connection.js'
import { isActive, start, stop } from '../power.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Volume } from '../rpc/types.js'
import { deleteVolume } from '../storage.js'
import { parseXml } from '../xml/parse.js'
import { serializeXml } from '../xml/serialize.js'
import { find, findAll, type XmlElement } from '../xml/tree.js'
import type { ActCall } from './each.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
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
import { findMedium, mediumVolume, overlayOf, ownOverlay, removeOverlay } from './rescue-medium.js'
import type { RescueAct, RescueEndAct } from './settle-rescue.js'

export interface RescueRequest {
  /** `POOL:VOLUME` or a path on the host: a bootable ISO, as a CD-ROM. This or `image`. */
  readonly iso?: string
  /** `POOL:VOLUME` of a disk image, as a disk; it is not written to. */
  readonly image?: string
  /** Seconds for the guest to shut down before. */
  readonly timeoutSeconds?: number
  /** Whether it is to run again at its end; as it is by default. */
  readonly running?: boolean
}

export interface RescueResult {
  readonly rescue: boolean
  readonly medium: string
  /** The device that it boots from. */
  readonly device: string
  readonly state: 'running' | 'shut off'
}

const defaultTimeout = 30
/** How long it is tried to put back what failed. Milliseconds. */
const putBackFor = 60_000

/** Switches to the medium: the machine is stopped, and started from it. Where that fails, it is put back as it was. */
export async function beginRescue(
  machine: Machine,
  request: RescueRequest,
  call: ActCall,
  journal: ActJournal<RescueAct> = unjournaled,
): Promise<RescueResult> {
  const { host, view } = machine
  const root = await storedXml(machine, call.signal)
  if (inRescue(root)) {
    throw new InfraError({
      kind: 'operation',
      code: 'in-rescue',
      message: `${view.name} is in rescue already`,
      hint: `infra vm rescue ${view.name} --end`,
    })
  }
  const { iso, image, timeoutSeconds } = request
  const medium = iso ?? image
  if (medium === undefined || (iso !== undefined && image !== undefined)) {
    throw new InfraError({
      kind: 'configuration',
      code: 'rescue-medium',
      message: 'It was not said what to boot from',
      hint: 'Say --iso or --image, one of the two.',
    })
  }
  const volume = await mediumVolume(host, medium, call.signal)
  if (image !== undefined) await ownOverlay(host, volume, view.name, call.signal)
  const act: RescueAct = {
    verb: 'rescue',
    ...identityOf(machine),
    running: request.running ?? runs(machine),
    ...(iso !== undefined && { iso }),
    ...(image !== undefined && { image }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  }
  await journal.begin(act)
  try {
    return await bootFrom(machine, root, { act, medium, volume }, call)
  } catch (error) {
    const back = { signal: AbortSignal.timeout(putBackFor), progress: call.progress }
    return cleanUpAndThrow(
      error,
      `${view.name} may be as for the rescue still: infra vm show ${view.name}`,
      async () => {
        await undoRescue(machine, { ...act, timeoutSeconds: 0 }, back)
        journal.ended()
      },
    )
  }
}

async function bootFrom(
  { host, domain, view }: Machine,
  root: XmlElement,
  { act, medium, volume }: { readonly act: RescueAct; readonly medium: string; readonly volume: Volume },
  call: ActCall,
): Promise<RescueResult> {
  const { signal } = call
  await stop(host, domain, act.timeoutSeconds ?? defaultTimeout, call)
  const own = act.image === undefined ? undefined : await overlayOf(host, volume, view.name, signal)
  const device = freeDevice(root, own === undefined ? 'sd' : 'vd')
  const kept: Kept = {
    device,
    medium,
    boot: findAll(find(root, 'os'), 'boot').flatMap(one => one.attributes.dev ?? []),
    order: ordersOf(root),
    running: act.running,
    ...(own !== undefined && { volume: `${own.pool}:${own.name}` }),
  }
  const disk = own === undefined ? cdrom(volume, device) : rescueDisk(own, device)
  const xml = serializeXml(withKept(withDisk(withoutOrder(root), disk), kept))
  await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  call.progress(`starts from ${medium}`)
  await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
  return { rescue: true, medium, device, state: 'running' }
}

/** Out of a rescue that has begun, however far it has come: nothing of it is left, and what ran before does again. */
export async function undoRescue(machine: Machine, act: RescueAct, call: ActCall): Promise<void> {
  const { host, domain, view } = machine
  const { signal } = call
  const { running, timeoutSeconds } = act
  if (inRescue(await storedXml(machine, signal))) {
    await endRescue(
      machine,
      { start: running, ...(timeoutSeconds !== undefined && { timeoutSeconds }) },
      call,
    )
    return
  }
  const image = act.image === undefined ? undefined : await findMedium(host, act.image, signal)
  const own = image && (await ownOverlay(host, image, view.name, signal))
  if (own !== undefined) await deleteVolume(host, own, signal)
  if (running) await start(host, domain, signal)
}

/** Back to its own disks, and to what it did before. */
export async function endRescue(
  machine: Machine,
  options: { readonly timeoutSeconds?: number; readonly start?: boolean },
  call: ActCall,
  journal: ActJournal<RescueEndAct> = unjournaled,
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
  const { medium, device, volume } = kept
  const wanted = options.start ?? kept.running
  const { timeoutSeconds } = options
  await journal.begin({
    verb: 'rescue-end',
    ...identityOf(machine),
    was: runs(machine),
    starts: wanted,
    medium,
    running: kept.running,
    ...(volume !== undefined && { volume }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  })
  await stop(host, domain, timeoutSeconds ?? defaultTimeout, call)
  const xml = serializeXml(restored(root, kept))
  await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  await afterRescue(machine, volume, wanted, call)
  return { rescue: false, medium, device, state: wanted ? 'running' : 'shut off' }
}

/** What is to be done once its own definition is there again. */
export async function afterRescue(
  { host, domain }: Machine,
  volume: string | undefined,
  starts: boolean,
  call: ActCall,
): Promise<void> {
  if (volume !== undefined) await removeOverlay(host, volume, call.signal)
  if (!starts) return
  call.progress('starts from its own disks')
  await start(host, domain, call.signal)
}

/** Fails where it is not so: looked at anew. */
export async function requireRescue(
  machine: Machine,
  wanted: { readonly rescue: boolean; readonly runs: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { host, domain, view } = machine
  const rescue = inRescue(await storedXml(machine, signal))
  const active = await isActive(host, domain, signal)
  if (rescue === wanted.rescue && active === wanted.runs) return
  throw new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `${view.name} was to be ${wanted.rescue ? 'in rescue' : 'out of rescue'} and ${wanted.runs ? 'running' : 'off'}, and is not`,
    why: `It is ${rescue ? 'in rescue' : 'out of rescue'}, and ${active ? 'runs' : 'is off'}`,
    hint: `infra vm logs ${view.name}`,
  })
}

function runs({ view }: Machine): boolean {
  return view.state === 'running' || view.state === 'paused'
}

async function storedXml({ host, domain }: Machine, signal: AbortSignal): Promise<XmlElement> {
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  return parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
}
