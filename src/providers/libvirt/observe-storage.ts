/** What storage pools, volumes and images really are. */
import type { Attributes, Json } from '../../model/value.js'
import type { Observation, Target } from '../provider.js'
import { ask } from './connection.js'
import { InactivePool, type Inventory } from './inventory.js'
import { present, text } from './kinds/values.js'
import { poolStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'
import { isTrash } from './trash.js'
import { usedBy } from './users.js'
import type { StoredVolume } from './volume-reading.js'
import { parseXml } from './xml/parse.js'
import { readPool } from './xml/pool.js'

const stateNames = new Map<number, string>(Object.entries(poolStates).map(([name, number]) => [number, name]))

export async function observePool(target: Target, inventory: Inventory): Promise<Observation> {
  const { host, signal } = inventory
  const entry = await inventory.pool(target.name)
  const pool = entry?.pool ?? (await byUuid(target, inventory))
  if (pool === undefined) return { status: 'absent' }
  const [xml, info, autostart] = await Promise.all([
    ask(host, procedures.pools.xml, { pool, flags: 0 }, signal),
    ask(host, procedures.pools.info, { pool }, signal),
    ask(host, procedures.pools.autostart, { pool }, signal),
  ])
  const reading = readPool(parseXml(xml), target.spec)
  const active = info.state !== poolStates.inactive
  const names = active ? await inventory.names(pool) : undefined
  return {
    status: 'present',
    identity: { uuid: pool.uuid },
    spec: { ...reading.spec, autostart },
    facts: present({
      uuid: pool.uuid,
      state: stateNames.get(info.state) ?? 'unknown',
      path: reading.path,
      capacityBytes: info.capacity,
      allocationBytes: info.allocation,
      availableBytes: info.available,
      volumes: names?.filter(name => !isTrash(name)).length,
    }),
    ...(!active && { remark: `it is not active: \`virsh pool-start ${pool.name}\` starts it` }),
  }
}

async function byUuid(target: Target, inventory: Inventory): Promise<Pool | undefined> {
  const uuid = target.identity?.uuid
  if (uuid === undefined) return undefined
  return (await inventory.allPools()).find(pool => pool.uuid === uuid)
}

export async function observeVolume(target: Target, inventory: Inventory): Promise<Observation> {
  const found = await storedVolume(target, inventory)
  if (!('key' in found)) return found
  const [spec, users] = await Promise.all([volumeSpec(found, inventory), inventory.users()])
  return {
    status: 'present',
    identity: { key: found.key },
    spec,
    facts: present({
      path: found.path,
      key: found.key,
      reference: `${found.pool}:${found.name}`,
      capacityBytes: found.capacityBytes,
      allocationBytes: found.allocationBytes,
      usedBy: users && usedBy(users, found),
    }),
  }
}

export async function observeImage(target: Target, inventory: Inventory): Promise<Observation> {
  const found = await storedVolume(target, inventory)
  if (!('key' in found)) return found
  const stored = formatOf(found)
  const users = await inventory.users()
  const checksum = text(target.spec.checksum) ?? ''
  const wanted = text(target.spec.convert) ?? text(target.spec.format)
  return {
    status: 'present',
    identity: { key: found.key },
    spec: present({
      pool: found.pool,
      volume: found.name,
      // of a converted image the source's own format cannot be seen any more
      ...(target.spec.convert === undefined
        ? { format: stored }
        : stored !== wanted && { convert: stored as Json }),
    }),
    facts: present({
      path: found.path,
      reference: `${found.pool}:${found.name}`,
      format: stored,
      virtualSizeBytes: found.capacityBytes,
      allocationBytes: found.allocationBytes,
      // libvirt keeps no digest of a volume: this is what its bytes were verified against when they were put there
      sha256: checksum.startsWith('sha256:') ? checksum.slice('sha256:'.length).toLowerCase() : undefined,
      usedBy: users && usedBy(users, found),
    }),
    ...(found.backingPath !== undefined && { remark: `it is based on ${found.backingPath}` }),
  }
}

/** Raw as far as documents go: libvirt calls some raw files by what is in them (`iso`). */
function formatOf(volume: StoredVolume): string {
  return volume.format === 'qcow2' ? 'qcow2' : 'raw'
}

async function storedVolume(target: Target, inventory: Inventory): Promise<StoredVolume | Observation> {
  const pool = text(target.spec.pool)
  const name = text(target.spec.volume)
  if (pool === undefined || name === undefined) {
    return { status: 'unreadable', why: 'its pool or name is not known yet' }
  }
  try {
    const volume = await inventory.volume(pool, name)
    const reading = volume && (await inventory.read(volume))
    return reading ?? { status: 'absent' }
  } catch (error) {
    if (error instanceof InactivePool) return { status: 'unreadable', why: error.message }
    throw error
  }
}

async function volumeSpec(volume: StoredVolume, inventory: Inventory): Promise<Attributes> {
  const path = volume.backingPath
  const below = path === undefined ? undefined : await inventory.volumeByPath(path)
  return present({
    pool: volume.pool,
    volume: volume.name,
    size: volume.capacityBytes,
    format: formatOf(volume),
    backing: below === undefined ? path : `${below.pool}:${below.name}`,
    backingFormat: path === undefined ? undefined : volume.backingFormat,
  })
}
