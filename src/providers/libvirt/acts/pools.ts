/** Storage pools of a host, with how full they are. */
import { basename, dirname } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, findPool, type Host, orAbsent } from '../connection.js'
import { text } from '../kinds/values.js'
import { nearest } from '../nearest.js'
import { poolStates } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Pool } from '../rpc/types.js'
import { isTrash } from '../trash.js'
import { volumeReading } from '../volume-reading.js'
import { parseXml } from '../xml/parse.js'
import { readPool } from '../xml/pool.js'
import type { NamedHost } from './open.js'

export interface PoolView {
  readonly host: string
  readonly name: string
  readonly uuid: string
  readonly type: string
  readonly path?: string
  readonly state: string
  readonly autostart: boolean
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly availableBytes: number
  /** Of an active pool; what waits in the trash for a rollback not counted. */
  readonly volumes?: number
}

export interface VolumeView {
  readonly name: string
  readonly path: string
  readonly format: string
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly backing?: string
  /** Deleted, and kept for a rollback. */
  readonly trash: boolean
}

const stateNames = new Map<number, string>(Object.entries(poolStates).map(([name, number]) => [number, name]))

/** All pools of a host, by name; sizes in bytes. */
export async function listPools(
  { name: host, host: at }: NamedHost,
  signal: AbortSignal,
): Promise<readonly PoolView[]> {
  const pools = await ask(at, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal)
  const views = await Promise.all(pools.map(pool => viewOf(host, at, pool, signal)))
  return views.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function viewOf(name: string, host: Host, pool: Pool, signal: AbortSignal): Promise<PoolView> {
  const { xml, info, autostart, volumes } = procedures.pools
  const [text_, state, starts] = await Promise.all([
    ask(host, xml, { pool, flags: 0 }, signal),
    ask(host, info, { pool }, signal),
    ask(host, autostart, { pool }, signal),
  ])
  const active = state.state !== poolStates.inactive
  const all = active ? await ask(host, volumes, { pool, needResults: 1, flags: 0 }, signal) : undefined
  const reading = readPool(parseXml(text_))
  return {
    host: name,
    name: pool.name,
    uuid: pool.uuid,
    type: text(reading.spec.type) ?? '',
    ...(reading.path !== undefined && { path: reading.path }),
    state: stateNames.get(state.state) ?? 'unknown',
    autostart: starts,
    capacityBytes: state.capacity,
    allocationBytes: state.allocation,
    availableBytes: state.available,
    ...(all !== undefined && { volumes: all.filter(volume => !isTrash(volume.name)).length }),
  }
}

/** A pool and its volumes. Fails with `no-pool` where there is none of that name. */
export async function poolDetails(
  { name: connection, host }: NamedHost,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly pool: PoolView; readonly volumes: readonly VolumeView[] }> {
  const pool = await needPool(host, name, signal)
  const view = await viewOf(connection, host, pool, signal)
  return { pool: view, volumes: view.state === 'inactive' ? [] : await volumeViews(host, pool, signal) }
}

/** All volumes of a pool, by name, in one list and pipelined reads. */
export async function volumeViews(
  host: Host,
  pool: Pool,
  signal: AbortSignal,
): Promise<readonly VolumeView[]> {
  const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
  const views = await Promise.all(
    all.map(async volume => {
      const xml = await orAbsent(
        ask(host, procedures.volumes.xml, { volume, flags: 0 }, signal),
        'NO_STORAGE_VOL',
      )
      if (xml === undefined) return []
      const reading = volumeReading(volume, xml)
      return [
        {
          name: volume.name,
          path: reading.path,
          // a folder within the pool's folder is a volume to libvirt
          format: parseXml(xml).attributes.type === 'dir' ? 'dir' : (reading.format ?? 'raw'),
          capacityBytes: reading.capacityBytes,
          allocationBytes: reading.allocationBytes,
          ...(reading.backingPath !== undefined && { backing: reading.backingPath }),
          trash: isTrash(volume.name),
        },
      ]
    }),
  )
  return views.flat().sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Has libvirt look at what is really in the pool. */
export async function refreshPool({ host }: NamedHost, name: string, signal: AbortSignal): Promise<void> {
  const pool = await needPool(host, name, signal)
  if (!(await ask(host, procedures.pools.isActive, { pool }, signal))) {
    throw new InfraError({
      kind: 'storage',
      code: 'pool-inactive',
      message: `The pool ${name} is not active`,
      hint: `virsh pool-start ${name}`,
    })
  }
  await host.refresher.refresh(pool)
}

/** The pools of these names, those that are there and active. */
export async function refreshPools(host: Host, names: readonly string[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    names.map(async name => {
      const pool = await findPool(host, name, signal)
      if (pool !== undefined && (await ask(host, procedures.pools.isActive, { pool }, signal)))
        await host.refresher.refresh(pool)
    }),
  )
}

/** The pool of this name, or an error with the names that there are. */
export async function needPool(host: Host, name: string, signal: AbortSignal): Promise<Pool> {
  const pool = await findPool(host, name, signal)
  if (pool !== undefined) return pool
  const all = await ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal)
  const near = nearest(
    name,
    all.map(one => one.name),
  )
  throw new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `There is no storage pool ${name}`,
    why: near.length === 0 ? 'The host has none' : `The host has ${near.join(', ')}`,
    hint: '`infra pool list` lists them.',
  })
}

/** The pool whose folder a path is in, and its name there. */
export async function folderPath(
  host: Host,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly pool: Pool; readonly name: string }> {
  const folder = dirname(path)
  const pool = await orAbsent(
    ask(host, procedures.pools.lookupByPath, { path: folder }, signal),
    'NO_STORAGE_POOL',
  )
  if (pool !== undefined) return { pool, name: basename(path) }
  throw new InfraError({
    kind: 'storage',
    code: 'no-pool',
    message: `No storage pool holds ${path}`,
    hint: `Define one: a document of kind StoragePool with path ${folder}.`,
  })
}
