/**
 * Removing a virtual machine with all that is its own. It is marked first and undefined last, so that a delete that is cut off
 * is found and goes on; its disks and UEFI variables are put away and can come back.
 */
import { InfraError } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import type { Call, DeleteRequest } from '../provider.js'
import { ask, findDomain, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { findNvram, keepNvram, nvramToken } from './kept-nvram.js'
import { number } from './kinds/values.js'
import type { MachineToken } from './machine-token.js'
import { bootVolume } from './names.js'
import { ownVolumes } from './own-volumes.js'
import { isActive, stop } from './power.js'
import { type Restoring, readProgress, readRestoring, setProgress } from './progress.js'
import { restoreNvram } from './restore-machine.js'
import { domainXmlFlags, undefineFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import { deleteVolume } from './storage.js'
import { bringBack, type KeptVolume, putAway, trashName } from './trash.js'
import { type DomainReading, readDomain } from './xml/domain-read.js'
import { readMetadata } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'
import { find, findAll, type XmlElement } from './xml/tree.js'

/** Seconds that a guest gets to shut down before it is deleted. */
const defaultTimeout = 5

/**
 * Keeps its disks and removes the rest; what is gone already is no error. Fails with `not-owned` where it belongs to another
 * stack.
 */
export async function deleteMachine(host: Host, request: DeleteRequest, call: Call): Promise<void> {
  const { signal } = call
  const { uuid } = request.identity
  const domain = await findDomain(host, { name: request.name, uuid }, signal)
  if (domain === undefined || (uuid !== undefined && domain.uuid !== uuid)) return
  const flags = domainXmlFlags.inactive | domainXmlFlags.secure
  const xml = await ask(host, procedures.domains.xml, { domain, flags }, signal)
  const root = parseXml(xml)
  refuseForeign(request, root)
  const progress = readProgress(root)
  const reading = readDomain(root, { name: request.name })
  const restoring = readRestoring(root)
  if (restoring) await bringRest(host, reading, restoring, signal)
  const files = await ownVolumes(host, reading, request.trash, signal)
  if (progress === 'creating') {
    // never finished, so never used: there is nothing to bring back
    await stop(host, domain, 0, call)
    await removeNow(host, files, signal)
    await undefine(host, domain, { keepTpm: false }, signal)
    return
  }
  const nvram = await findNvram(host, domain, reading, signal)
  const token = await makeToken(host, request, domain, { xml, root, reading, nvram }, files, signal)
  await call.keep(token as unknown as Json)
  await setProgress(host, domain, 'deleting', signal)
  await stop(host, domain, number(request.spec.shutdownTimeoutSeconds) ?? defaultTimeout, call)
  if (nvram !== undefined) await keepNvram(host, token, nvram, signal)
  await putAway(host, files, signal)
  await undefine(host, domain, { keepTpm: token.tpm }, signal)
}

/** Ends what a return that was cut off has begun: all of it is put away in one place, which the token tells. */
async function bringRest(
  host: Host,
  reading: DomainReading,
  { trash, nvram }: Restoring,
  signal: AbortSignal,
): Promise<void> {
  const volumes = await ownVolumes(host, reading, trash, signal)
  await bringBack(host, volumes, signal)
  const pool = reading.disks.find(disk => disk.role === 'boot')?.pool
  if (nvram === undefined || pool === undefined) return
  const volume = trashName(trash, `${reading.name}_nvram`)
  await restoreNvram(host, { name: reading.name, nvram: { path: nvram, pool, volume } }, signal)
}

/** A domain that carries another's tag, or none, is not this stack's to delete. */
function refuseForeign(request: DeleteRequest, root: XmlElement): void {
  const { owner } = readMetadata(root)
  if (owner?.lineage === request.owner.lineage && owner.address === request.owner.address) return
  throw new InfraError({
    kind: 'operation',
    code: 'not-owned',
    message: `The virtual machine ${request.name} is not infra's to delete`,
    why:
      owner === undefined ? 'It carries no tag of infra' : `It belongs to ${owner.address} of another stack`,
    hint: `Delete it by hand, or take it over first: infra import ${request.address} ${request.name}`,
  })
}

async function makeToken(
  host: Host,
  request: DeleteRequest,
  domain: Domain,
  read: {
    readonly xml: string
    readonly root: XmlElement
    readonly reading: DomainReading
    readonly nvram: string | undefined
  },
  volumes: readonly KeptVolume[],
  signal: AbortSignal,
): Promise<MachineToken> {
  const { reading } = read
  const [running, autostart, snapshots] = await Promise.all([
    isActive(host, domain, signal),
    ask(host, procedures.domains.autostart, { domain }, signal),
    snapshotXmls(host, domain, signal),
  ])
  const boot = volumes.find(one => one.name === bootVolume(reading.name))
  const home = reading.disks.find(disk => disk.role === 'boot')?.pool ?? boot?.pool
  return {
    kind: 'VirtualMachine',
    name: reading.name,
    uuid: domain.uuid,
    xml: read.xml,
    autostart,
    running,
    volumes,
    ...(read.nvram !== undefined &&
      home !== undefined && { nvram: await nvramToken(host, request, read.nvram, home, signal) }),
    tpm: findAll(find(read.root, 'devices'), 'tpm').length > 0,
    snapshots,
  }
}

async function snapshotXmls(host: Host, domain: Domain, signal: AbortSignal): Promise<string[]> {
  const { list, xml } = procedures.snapshots
  // parents first, as they have to be defined again
  const all = await ask(host, list, { domain, needResults: 1, flags: 1024 }, signal)
  return Promise.all(all.map(snapshot => ask(host, xml, { snapshot, flags: 1 }, signal)))
}

async function removeNow(host: Host, files: readonly KeptVolume[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    files.map(async one => {
      const pool = await findPool(host, one.pool, signal)
      const volume = pool && (await findVolume(host, pool, one.name, signal))
      if (volume !== undefined) await deleteVolume(host, volume, signal)
      else if (one.path.startsWith('/')) await host.files.remove(one.path, signal)
    }),
  )
}

async function undefine(
  host: Host,
  domain: Domain,
  options: { readonly keepTpm: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { managedSave, snapshots, checkpoints, nvram, keepTpm, tpm } = undefineFlags
  const flags =
    managedSave |
    snapshots |
    checkpoints |
    nvram |
    (options.keepTpm ? keepTpm : host.version >= 8_009_000 ? tpm : 0)
  await orAbsent(ask(host, procedures.domains.undefine, { domain, flags }, signal), 'NO_DOMAIN')
}
