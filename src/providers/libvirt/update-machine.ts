/**
 * Changing a virtual machine in place. What is stored is edited, never made anew: the UUID, the UEFI variables and everything
 * that others added stay. What can be changed while it runs is changed at once; the rest counts from its next start, or now
 * if a restart is allowed.
 */
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type { Call, UpdateRequest } from '../provider.js'
import { ask, findDomain, findVolume, type Host } from './connection.js'
import { diskVolumes } from './create-machine.js'
import { number, objects } from './kinds/values.js'
import { changeLive } from './live.js'
import { findParts, type MachineParts, machineInput } from './machine-input.js'
import { bootVolume, dataVolume } from './names.js'
import { isActive, start, stop } from './power.js'
import { isChanging, setProgress, withProgress } from './progress.js'
import { untilReady } from './readiness.js'
import { underItsName } from './rename.js'
import { domainXmlFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { createVolume, putVolume } from './storage.js'
import { bringBack, type KeptVolume, keptVolume, putAway, trashPath } from './trash.js'
import { growVolume, volumeToken } from './volumes.js'
import { editDomain } from './xml/domain-edit.js'
import { readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'
import type { XmlElement } from './xml/tree.js'

/** Seconds that a guest gets to shut down for a restart or stop. */
const defaultTimeout = 60

/**
 * Changes what is stored and, where that can be, what runs; called again after a crash, it goes on. Fails with `absent`
 * where the machine is gone.
 */
export async function updateMachine(host: Host, request: UpdateRequest, call: Call): Promise<void> {
  const { signal } = call
  const found = await findDomain(host, { name: request.name, uuid: request.identity.uuid }, signal)
  if (found === undefined) throw gone(request)
  const domain = await underItsName(host, found, request.name, signal)
  const parts = await findParts(host, request.spec, signal, { image: false })
  const wasActive = await isActive(host, domain, signal)
  const stops = request.spec.powerState === 'stopped'
  const powers = request.changes.some(change => change.path === 'powerState')
  const restarts = wasActive && request.restart && needsRestart(request)
  if (wasActive && (restarts || (stops && powers))) {
    call.progress(stops ? 'shuts down' : 'restarts')
    await stop(host, domain, number(request.spec.shutdownTimeoutSeconds) ?? defaultTimeout, call)
  }
  await change(host, request, domain, parts, call)
  await ask(
    host,
    procedures.domains.setAutostart,
    { domain, autostart: request.spec.autostart !== false },
    signal,
  )
  if (stops || !(restarts || (powers && !wasActive))) return
  call.progress('starts')
  await start(host, domain, signal)
  await untilReady(host, domain, request.spec, call)
}

/** A restart is asked for by changes that need one, or by none at all where earlier ones wait. */
function needsRestart(request: UpdateRequest): boolean {
  return request.changes.length === 0 || request.changes.some(change => change.how === 'restart')
}

/** Makes what is stored what it should be, and the running machine as far as that goes. */
async function change(
  host: Host,
  request: UpdateRequest,
  domain: Domain,
  parts: MachineParts,
  call: Call,
): Promise<void> {
  const { signal } = call
  const stored = await storedXml(host, domain, signal)
  const { provisioningOf } = await import('./seed/provisioning.js')
  const seed = provisioningOf({ name: domain.name, identity: domain.uuid, spec: request.spec })
  await makeVolumes(host, request, domain, parts, signal)
  // a running guest keeps reading the old seed, which it has open; the next start reads the new one
  const isNew = seed !== undefined && seed.sha256 !== readDomain(stored).metadata.seed
  if (isNew) await putVolume(host, parts.pool, seed.volume, seed.bytes, signal)
  const dropped = await droppedVolumes(host, domain, stored, request, parts, signal)
  const kept = dropped.map(one => one.kept)
  if (kept.length > 0) await call.keep(volumeToken(kept) as unknown as Json)
  const input = machineInput({ ...request, name: domain.name }, domain.uuid, parts, seed?.sha256)
  const active = await isActive(host, domain, signal)
  const marked = active || kept.length > 0 || isChanging(stored)
  const edited = editDomain(stored, input)
  const xml = serializeXml(marked ? withProgress(edited, 'changing') : edited)
  await ask(host, procedures.domains.define, { xml, flags: 0 }, signal)
  if (active) {
    const paths = [
      ...request.changes.filter(one => one.how === 'live').map(one => one.path),
      // whatever was listed: no volume is put away that the guest still has
      ...dropped.map(one => `dataDisks[${one.device}]`),
    ]
    await changeLive(host, domain, { from: request.from, to: request.spec, paths }, call)
  }
  await growDisks(host, request, parts, signal)
  await putAway(host, kept, signal)
  if (marked) await setProgress(host, domain, undefined, signal)
}

async function storedXml(host: Host, domain: Domain, signal: AbortSignal): Promise<XmlElement> {
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  return parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
}

/** What a disk that an update takes away is kept under: found again when the same disk comes back before it is pruned. */
function updateTrash(domain: Domain): string {
  return domain.uuid.slice(0, 12).replaceAll('-', '')
}

/** Volumes of disks that are new; those that an update took away before come back with their data. */
async function makeVolumes(
  host: Host,
  request: UpdateRequest,
  domain: Domain,
  parts: MachineParts,
  signal: AbortSignal,
): Promise<void> {
  for (const volume of diskVolumes(request, parts)) {
    if (volume.name === bootVolume(request.name)) continue
    if ((await findVolume(host, parts.pool, volume.name, signal)) !== undefined) continue
    const path = `${parts.folder}/${volume.name}`
    const kept = keptVolume(
      { pool: parts.pool.name, name: volume.name, key: path },
      path,
      updateTrash(domain),
    )
    const isKept = parts.folder !== undefined && (await host.files.exists(trashPath(kept), signal))
    if (isKept) await bringBack(host, [kept], signal)
    else await createVolume(host, parts.pool, volume, signal)
  }
}

/** The machine's own volumes of disks that the stack has no more. */
async function droppedVolumes(
  host: Host,
  domain: Domain,
  stored: XmlElement,
  request: UpdateRequest,
  parts: MachineParts,
  signal: AbortSignal,
): Promise<{ readonly device: string; readonly kept: KeptVolume }[]> {
  const wanted = new Set(
    objects(request.spec.dataDisks)
      .filter(({ item }) => item.sizeGB !== undefined)
      .map(({ item }) => item.device),
  )
  const before = objects(request.from.dataDisks).filter(({ item }) => item.sizeGB !== undefined)
  const named = new Set(readDomain(stored).disks.map(disk => disk.volume))
  const devices = before.filter(({ item }) => !wanted.has(item.device)).map(({ item }) => String(item.device))
  const found = await Promise.all(
    devices.map(async device => {
      const name = dataVolume(domain.name, device)
      const volume = await findVolume(host, parts.pool, name, signal)
      if (volume === undefined || !(named.has(name) || isChanging(stored))) return []
      const path = await ask(host, procedures.volumes.path, { volume }, signal)
      return [{ device, kept: keptVolume(volume, path, updateTrash(domain)) }]
    }),
  )
  return found.flat()
}

async function growDisks(
  host: Host,
  request: UpdateRequest,
  parts: MachineParts,
  signal: AbortSignal,
): Promise<void> {
  if (!request.changes.some(one => one.path.endsWith('sizeGB'))) return
  for (const wanted of diskVolumes(request, parts)) {
    const volume = await findVolume(host, parts.pool, wanted.name, signal)
    if (volume !== undefined) await growVolume(host, volume, wanted.capacityBytes, signal)
  }
}

function gone(request: UpdateRequest): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'absent',
    message: `The virtual machine ${request.name} has gone`,
    hint: 'Plan again',
  })
}
