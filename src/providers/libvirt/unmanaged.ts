/** What is in places that the stack manages and that nobody declared. */
import type { Target, Unmanaged } from '../provider.js'
import { ask, findPool, type Host } from './connection.js'
import { text } from './kinds/values.js'
import { serialLog } from './machine-input.js'
import { bootVolume, ignitionVolume, seedVolume } from './names.js'
import { domainXmlFlags, poolStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import { isTrash } from './trash.js'
import { readMetadata } from './xml/metadata.js'
import { parseXml } from './xml/parse.js'

/** Machines of the host without infra's tag, and volumes of the pools that are declared. */
export async function listUnmanaged(
  host: Host,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<readonly Unmanaged[]> {
  const hasMachines = targets.some(target => target.kind === 'VirtualMachine')
  const pools = targets.filter(target => target.kind === 'StoragePool').map(target => target.name)
  const found = await Promise.all([
    hasMachines ? machines(host, targets, signal) : [],
    ...pools.map(pool => volumes(host, pool, targets, signal)),
  ])
  return found.flat()
}

async function machines(host: Host, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const known = new Set(
    targets.flatMap(target => (target.kind === 'VirtualMachine' ? [target.name, target.identity?.uuid] : [])),
  )
  const all = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal)
  const strangers = all.filter(domain => !known.has(domain.name) && !known.has(domain.uuid))
  const untagged = await Promise.all(
    strangers.map(async domain => {
      const xml = await ask(host, procedures.domains.xml, { domain, flags: domainXmlFlags.inactive }, signal)
      return readMetadata(parseXml(xml)).owner === undefined ? [domain] : []
    }),
  )
  return untagged.flat().map(domain => ({
    kind: 'VirtualMachine',
    name: domain.name,
    identity: { uuid: domain.uuid },
    place: 'on the host',
  }))
}

async function volumes(
  host: Host,
  poolName: string,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Unmanaged[]> {
  const pool = await findPool(host, poolName, signal)
  if (pool === undefined) return []
  const info = await ask(host, procedures.pools.info, { pool }, signal)
  if (info.state === poolStates.inactive) return []
  const declared = new Set(targets.flatMap(target => ownNames(target, poolName)))
  const machines = new Set(
    targets.filter(target => target.kind === 'VirtualMachine').map(target => target.name),
  )
  const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
  return all
    .filter(volume => !isTrash(volume.name) && !declared.has(volume.name))
    .filter(volume => !machines.has(volume.name.replace(/_data-vd[a-z]+$/, '')))
    .map(volume => ({
      kind: 'Volume',
      name: volume.name,
      identity: { key: volume.key },
      place: `in pool ${poolName}`,
    }))
}

/** Names in this pool that a target accounts for. */
function ownNames(target: Target, pool: string): string[] {
  if (target.kind === 'VirtualMachine' && text(target.spec.storagePool) === pool) {
    const { name } = target
    return [
      bootVolume(name),
      seedVolume(name),
      `${seedVolume(name)}.iso`,
      ignitionVolume(name),
      serialLog(name),
    ]
  }
  const isStored = target.kind === 'Volume' || target.kind === 'Image'
  return isStored && text(target.spec.pool) === pool ? [text(target.spec.volume) ?? target.name] : []
}
