/** Taking, describing and removing snapshots of machines. What was written since one stays when it is removed. */
import { dirname } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Call, CreateRequest, DeleteRequest, Target, UpdateRequest } from '../provider.js'
import { ask, findDomain, findPool, findVolume, type Host, orAbsent } from './connection.js'
import { text } from './kinds/values.js'
import { isActive } from './power.js'
import { domainXmlFlags, snapshotFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain, Snapshot } from './rpc/types.js'
import { clearLeftovers, isTaken, overlayFiles, refreshFolders } from './snapshot-files.js'
import { type DomainReading, readDomain } from './xml/domain-read.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'
import { buildSnapshot, markedDescription, readSnapshot, type SnapshotMark } from './xml/snapshot.js'
import { element, find, type XmlElement } from './xml/tree.js'

/** Takes it, or finishes one that was cut off. Fails with `exists` where the machine has another of that name. */
export async function createSnapshot(host: Host, request: CreateRequest, call: Call): Promise<void> {
  const { signal } = call
  const domain = await needMachine(host, request, signal)
  const mark = { uuid: request.identity.uuid ?? host.ports.random.uuid(), owner: request.owner }
  await host.turns.take(domain.uuid, async () => {
    const there = await findSnapshot(host, domain, request.name, signal)
    if (there === undefined) await take(host, domain, request, mark, call)
    else refuseOther(request, there, mark.uuid)
  })
}

async function take(
  host: Host,
  domain: Domain,
  request: CreateRequest,
  mark: SnapshotMark,
  call: Call,
): Promise<void> {
  const { signal } = call
  const { spec, name } = request
  const running = await isActive(host, domain, signal)
  const memory = spec.memory === true
  const external = spec.storage !== 'internal'
  if (memory && !running) throw impossible(request, `${domain.name} does not run: it has no memory to keep`)
  if (!memory && !external && running) {
    throw impossible(request, `${domain.name} runs: inside its disks a snapshot keeps its memory, too`)
  }
  const reading = await readMachine(host, domain, running, signal)
  const disks = reading.disks.filter(isTaken)
  const ending = `${name}-${mark.uuid.slice(0, 8)}`
  const overlays = external ? await overlayFiles(host, disks, ending, signal) : {}
  await clearLeftovers(host, reading, Object.values(overlays), signal)
  const folder = Object.values(overlays).map(file => dirname(file))[0]
  const xml = buildSnapshot({
    name,
    mark,
    spec,
    disks: disks.map(disk => disk.device),
    without: reading.disks.filter(disk => !isTaken(disk)).map(disk => disk.device),
    overlays,
    ...(memory && folder !== undefined && { memoryPath: `${folder}/${domain.name}_memory.${ending}` }),
  })
  const { diskOnly, quiesce, atomic } = snapshotFlags
  const flags =
    (external && !memory ? diskOnly : 0) |
    (external ? atomic : 0) |
    (spec.quiesce === true && running ? quiesce : 0)
  call.progress(`takes a snapshot of ${domain.name}`)
  await ask(host, procedures.snapshots.create, { domain, xml: serializeXml(xml), flags }, signal)
  // libvirt made the overlays by itself: its pools do not know them yet
  await refreshFolders(host, Object.values(overlays), signal)
}

/** Of a snapshot only its description changes; it is written again with all that it holds. */
export async function updateSnapshot(host: Host, request: UpdateRequest, { signal }: Call): Promise<void> {
  if (!request.changes.some(change => change.path === 'description')) return
  const domain = await needMachine(host, request, signal)
  const there = await findSnapshot(host, domain, request.name, signal)
  if (there === undefined) {
    throw new InfraError({
      kind: 'operation',
      code: 'no-snapshot',
      message: `${domain.name} has no snapshot ${request.name} any more`,
    })
  }
  const { uuid } = request.identity
  const mark = uuid === undefined ? undefined : { uuid, owner: request.owner }
  const description = markedDescription(text(request.spec.description), mark)
  await rewrite(host, domain, there.snapshot, async root => withDescription(root, description), signal)
}

/** Writes the definition of a snapshot again, changed; which one the machine goes on from stays as it is. */
async function rewrite(
  host: Host,
  domain: Domain,
  snapshot: Snapshot,
  change: (root: XmlElement) => Promise<XmlElement>,
  signal: AbortSignal,
): Promise<void> {
  const { redefine, current } = snapshotFlags
  const [now, secure] = await Promise.all([
    orAbsent(ask(host, procedures.snapshots.current, { domain, flags: 0 }, signal), 'NO_DOMAIN_SNAPSHOT'),
    ask(host, procedures.snapshots.xml, { snapshot, flags: domainXmlFlags.secure }, signal),
  ])
  const before = parseXml(secure)
  const after = await change(before)
  if (after === before) return
  const flags = redefine | (now?.name === snapshot.name ? current : 0)
  await ask(host, procedures.snapshots.create, { domain, xml: serializeXml(after), flags }, signal)
}

/**
 * A snapshot holds the machine's definition, in which disks are volumes of pools. libvirt merges a disk down only into one
 * that is told there by its file.
 */
async function tellFiles(host: Host, domain: Domain, snapshot: Snapshot, signal: AbortSignal): Promise<void> {
  const change = async (node: XmlElement): Promise<XmlElement> => {
    if (node.name === 'disk' && node.attributes.type === 'volume') return fileDisk(host, node, signal)
    const children = await Promise.all(
      node.children.map(child => (typeof child === 'string' ? child : change(child))),
    )
    return children.every((child, index) => child === node.children[index]) ? node : { ...node, children }
  }
  await rewrite(host, domain, snapshot, change, signal)
}

async function fileDisk(host: Host, disk: XmlElement, signal: AbortSignal): Promise<XmlElement> {
  const { pool: poolName, volume: name } = find(disk, 'source')?.attributes ?? {}
  const pool = poolName === undefined ? undefined : await findPool(host, poolName, signal)
  const volume = pool && (await findVolume(host, pool, name ?? '', signal))
  if (volume === undefined) return disk
  const file = await ask(host, procedures.volumes.path, { volume }, signal)
  return {
    ...disk,
    attributes: { ...disk.attributes, type: 'file' },
    children: disk.children.map(child =>
      typeof child !== 'string' && child.name === 'source' ? element('source', { file }) : child,
    ),
  }
}

/** Removes it and joins its overlays, so that nothing written since is lost; what is gone already is no error. */
export async function deleteSnapshot(host: Host, request: DeleteRequest, { signal }: Call): Promise<void> {
  const machine = text(request.spec.virtualMachine)
  const domain = machine === undefined ? undefined : await findDomain(host, { name: machine }, signal)
  if (domain === undefined) return
  await host.turns.take(domain.uuid, async () => {
    const there = await findSnapshot(host, domain, request.name, signal)
    if (there === undefined) return
    const { mark, overlays, memoryPath } = there.reading
    const { lineage, address } = mark?.owner ?? {}
    if (lineage !== request.owner.lineage || address !== request.owner.address) throw notOwned(request)
    await tellFiles(host, domain, there.snapshot, signal)
    await ask(host, procedures.snapshots.delete, { snapshot: there.snapshot, flags: 0 }, signal)
    if (memoryPath !== undefined) await host.files.remove(memoryPath, signal)
    await refreshFolders(host, Object.values(overlays), signal)
  })
}

async function needMachine(host: Host, target: Target, signal: AbortSignal): Promise<Domain> {
  const name = text(target.spec.virtualMachine) ?? ''
  const domain = await findDomain(host, { name }, signal)
  if (domain !== undefined) return domain
  throw new InfraError({
    kind: 'operation',
    code: 'no-machine',
    message: `There is no virtual machine ${name} to take a snapshot of`,
    hint: `Declare it: a document of kind VirtualMachine named ${name}`,
  })
}

async function findSnapshot(host: Host, domain: Domain, name: string, signal: AbortSignal) {
  const { lookup, xml } = procedures.snapshots
  const snapshot = await orAbsent(ask(host, lookup, { domain, name, flags: 0 }, signal), 'NO_DOMAIN_SNAPSHOT')
  if (snapshot === undefined) return undefined
  return { snapshot, reading: readSnapshot(parseXml(await ask(host, xml, { snapshot, flags: 0 }, signal))) }
}

async function readMachine(
  host: Host,
  domain: Domain,
  running: boolean,
  signal: AbortSignal,
): Promise<DomainReading> {
  const flags = running ? 0 : domainXmlFlags.inactive
  return readDomain(parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal)))
}

function withDescription(root: XmlElement, description: string | undefined): XmlElement {
  const rest = root.children.filter(child => typeof child === 'string' || child.name !== 'description')
  if (description === undefined) return { ...root, children: rest }
  return { ...root, children: [...rest, element('description', {}, description)] }
}

function refuseOther(
  request: CreateRequest,
  there: { readonly reading: { readonly mark: SnapshotMark | undefined } },
  uuid: string,
): void {
  const { mark } = there.reading
  if (mark?.uuid === uuid) return
  throw new InfraError({
    kind: 'operation',
    code: 'exists',
    message: `There is a snapshot ${request.name} of ${text(request.spec.virtualMachine) ?? '?'} already`,
    why:
      mark === undefined
        ? 'infra did not take it'
        : `It belongs to ${mark.owner.address} of the stack with lineage ${mark.owner.lineage}`,
    hint: 'Choose another name',
  })
}

function impossible(request: CreateRequest, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'snapshot-impossible',
    message: `The snapshot ${request.name} cannot be taken`,
    why,
    hint: 'Change `memory` or `storage` of the snapshot, or start or stop the machine first',
  })
}

function notOwned(request: DeleteRequest): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-owned',
    message: `The snapshot ${request.name} is not infra's to delete`,
    why: 'It carries no tag of this stack',
    hint: `Delete it by hand: virsh snapshot-delete ${text(request.spec.virtualMachine) ?? '?'} ${request.name}`,
  })
}
