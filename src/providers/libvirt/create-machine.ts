/**
 * Making a virtual machine. The domain is defined first, under the UUID that was chosen beforehand and with a mark that it is
 * unfinished; then its disks are made, the mark is taken away, and it is started. Whatever a crash leaves is found by the UUID.
 */
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { Call, CreateRequest } from '../provider.js'
import { ask, findDomain, findVolume, type Host } from './connection.js'
import { diskBytes } from './kinds/units.js'
import { fields, number, objects, text } from './kinds/values.js'
import { findParts, type MachineParts, machineInput } from './machine-input.js'
import { isMachineToken } from './machine-token.js'
import { bootVolume, dataVolume, defaultVmPool, ignitionVolume, seedVolume } from './names.js'
import { isActive, start } from './power.js'
import { readProgress, setProgress, withProgress } from './progress.js'
import { untilReady } from './readiness.js'
import { restoreMachine } from './restore-machine.js'
import { isLibvirt } from './rpc/errors.js'
import { domainXmlFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { activePool, createVolume, deleteVolume, putVolume } from './storage.js'
import { buildDomain } from './xml/domain-build.js'
import { readMetadata } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'
import type { VolumeInput } from './xml/volume.js'

/**
 * Makes it, or finishes one that was cut off, up to being ready. Fails with `exists` where another has its name, and with
 * `volume-exists` where its disks’ names are taken.
 */
export async function createMachine(host: Host, request: CreateRequest, call: Call): Promise<void> {
  const { signal } = call
  const uuid = request.identity.uuid ?? host.ports.random.uuid()
  const there = await findDomain(host, { name: request.name, uuid }, signal)
  if (there !== undefined) await refuseStranger(host, there, uuid, request, signal)
  if (isMachineToken(request.restore)) {
    await restoreMachine(host, request, request.restore, there, call)
  } else {
    const unfinished = there === undefined || (await isUnfinished(host, there, signal))
    if (unfinished) {
      await madeHere(host, request, signal, async () => {
        const made = await makeMachine(host, request, uuid, there, call)
        // a new domain does not start with its host
        if (request.spec.autostart !== false) await setAutostart(host, made, true, signal)
        await settlePower(host, made, request.spec, call)
      })
      return
    }
  }
  const domain = await ask(host, procedures.domains.lookupByUuid, { uuid }, signal)
  await setAutostart(host, domain, request.spec.autostart !== false, signal)
  await settlePower(host, domain, request.spec, call)
}

/** Where somebody takes the domain away while it is made, its disks, which were never used, go with it. */
async function madeHere(
  host: Host,
  request: CreateRequest,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isLibvirt(error, 'NO_DOMAIN')) throw error
    const pool = await activePool(host, text(request.spec.storagePool) ?? defaultVmPool, signal)
    const disks = objects(request.spec.dataDisks).flatMap(
      ({ item }) => ownDisk(request.name, item)?.name ?? [],
    )
    const { name } = request
    for (const volume of [bootVolume(name), seedVolume(name), ignitionVolume(name), ...disks]) {
      const found = await findVolume(host, pool, volume, signal)
      if (found !== undefined) await deleteVolume(host, found, signal)
    }
    throw new InfraError({
      kind: 'operation',
      code: 'taken-away',
      message: `Somebody removed the virtual machine ${name} while it was being made`,
      why: error.why ?? error.message,
      hint: 'Find out who else works on this host, and apply again',
    })
  }
}

/** A domain of that name is this one, from a try that was cut off, or somebody else's. */
async function refuseStranger(
  host: Host,
  there: Domain,
  uuid: string,
  request: CreateRequest,
  signal: AbortSignal,
): Promise<void> {
  if (there.uuid === uuid) return
  const xml = await ask(
    host,
    procedures.domains.xml,
    { domain: there, flags: domainXmlFlags.inactive },
    signal,
  )
  const { owner } = readMetadata(parseXml(xml))
  throw new InfraError({
    kind: 'operation',
    code: 'exists',
    message: `There is a virtual machine ${request.name} already`,
    why:
      owner === undefined
        ? 'infra did not make it'
        : `It belongs to ${owner.address} of the stack with lineage ${owner.lineage}`,
    hint: `Choose another name, or take it over: infra import ${request.address} ${request.name}`,
  })
}

async function isUnfinished(host: Host, domain: Domain, signal: AbortSignal): Promise<boolean> {
  const xml = await ask(host, procedures.domains.xml, { domain, flags: domainXmlFlags.inactive }, signal)
  return readProgress(parseXml(xml)) !== undefined
}

async function makeMachine(
  host: Host,
  request: CreateRequest,
  uuid: string,
  there: Domain | undefined,
  call: Call,
): Promise<Domain> {
  const { signal } = call
  const parts = await findParts(host, request.spec, signal)
  const volumes = diskVolumes(request, parts)
  const { provisioningOf } = await import('./seed/provisioning.js')
  const seed = provisioningOf({ name: request.name, identity: uuid, spec: request.spec })
  const names = [...volumes.map(volume => volume.name), ...(seed === undefined ? [] : [seed.volume])]
  if (there === undefined) await refuseStrangeVolumes(host, parts, names, signal)
  const domainXml = withProgress(buildDomain(machineInput(request, uuid, parts, seed?.sha256)), 'creating')
  const domain = await ask(
    host,
    procedures.domains.define,
    { xml: serializeXml(domainXml), flags: 0 },
    signal,
  )
  call.progress(`makes ${volumes.length} ${volumes.length === 1 ? 'disk' : 'disks'}`)
  await Promise.all([
    ...volumes.map(volume => makeDisk(host, parts, volume, there !== undefined, signal)),
    seed && putVolume(host, parts.pool, seed.volume, seed.bytes, signal),
  ])
  await setProgress(host, domain, undefined, signal)
  return domain
}

function setAutostart(host: Host, domain: Domain, autostart: boolean, signal: AbortSignal): Promise<void> {
  return ask(host, procedures.domains.setAutostart, { domain, autostart }, signal)
}

/** Power and readiness, as the document has them. */
async function settlePower(host: Host, domain: Domain, spec: Attributes, call: Call): Promise<void> {
  const { signal } = call
  if (spec.powerState === 'stopped') return
  if (!(await isActive(host, domain, signal))) call.progress('starts')
  await start(host, domain, signal)
  await untilReady(host, domain, spec, call)
}

/** The volumes that are the machine's own, its seed aside. */
export function diskVolumes(
  request: Pick<CreateRequest, 'name' | 'spec'>,
  parts: MachineParts,
): VolumeInput[] {
  const { name, spec } = request
  const boot = fields(spec.bootDisk)
  const capacityBytes = diskBytes(number(boot.sizeGB) ?? 0)
  const { image } = parts
  if (image !== undefined && image.capacityBytes > capacityBytes) {
    throw new InfraError({
      kind: 'validation',
      code: 'disk-too-small',
      message: `The boot disk of ${name} is smaller than its image`,
      why: `The image ${text(boot.image)} holds a disk of ${image.capacityBytes} bytes; the boot disk has ${capacityBytes}`,
      hint: `Say a \`bootDisk.sizeGB\` of at least ${image.capacityBytes / 2 ** 30}`,
    })
  }
  return [
    {
      name: bootVolume(name),
      capacityBytes,
      format: boot.format === 'raw' ? 'raw' : 'qcow2',
      ...(image !== undefined && { backing: { path: image.path, format: image.format } }),
    },
    ...objects(spec.dataDisks).flatMap(({ item }) => ownDisk(name, item) ?? []),
  ]
}

/** A data disk's own volume; undefined where the disk is an existing one. */
export function ownDisk(machine: string, item: { readonly [key: string]: unknown }): VolumeInput | undefined {
  if (typeof item.sizeGB !== 'number' || typeof item.device !== 'string') return undefined
  return {
    name: dataVolume(machine, item.device),
    capacityBytes: diskBytes(item.sizeGB),
    format: item.format === 'raw' ? 'raw' : 'qcow2',
  }
}

/** Before the domain is there, volumes of these names are nobody's that infra knows: their data stays untouched. */
async function refuseStrangeVolumes(
  host: Host,
  parts: MachineParts,
  volumes: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const found = await Promise.all(volumes.map(name => findVolume(host, parts.pool, name, signal)))
  const names = found.flatMap(volume => volume?.name ?? [])
  if (names.length === 0) return
  throw new InfraError({
    kind: 'storage',
    code: 'volume-exists',
    message: `There are volumes with the names of this machine's disks: ${names.join(', ')}`,
    why: `They are in the pool ${parts.pool.name}, and no machine of this name is there that they could belong to`,
    hint: `Look what is in them; then rename or delete them: virsh vol-delete --pool ${parts.pool.name} ${names[0]}`,
  })
}

/** A volume of an unfinished machine has never been used: one that a try left is made again, whatever state it is in. */
async function makeDisk(
  host: Host,
  parts: MachineParts,
  volume: VolumeInput,
  isRetry: boolean,
  signal: AbortSignal,
): Promise<void> {
  const left = isRetry ? await findVolume(host, parts.pool, volume.name, signal) : undefined
  if (left !== undefined) await deleteVolume(host, left, signal)
  await createVolume(host, parts.pool, volume, signal)
}
