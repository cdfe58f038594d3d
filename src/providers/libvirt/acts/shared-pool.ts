/** Whether two hosts have one and the same storage under a pool's name, or each its own. */

import { sameValue } from '../../../model/value.js'
import { ask, findPool, findVolume, type Host } from '../connection.js'
import { fields, list } from '../kinds/values.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Pool } from '../rpc/types.js'
import { createVolume, deleteVolume } from '../storage.js'
import { parseXml } from '../xml/parse.js'
import { type PoolReading, readPool } from '../xml/pool.js'

/** Pools of files, whose folder can be the same by NFS or another file system that hosts share. */
const ofFiles = ['dir', 'fs', 'netfs']

/** What two hosts share: a pool of Ceph, or a folder. */
export type Shared = 'ceph' | 'folder'

/**
 * Two pools of Ceph are told by what they are of. Of folders only a file can tell: one of a name that nobody has is made here
 * and looked for there. Everything else (LVM, ZFS, partitions) is taken for each host's own. Undefined where they share nothing.
 */
export async function sharedPool(
  here: Host,
  there: Host,
  name: string,
  signal: AbortSignal,
): Promise<Shared | undefined> {
  const [a, b] = await Promise.all([readOne(here, name, signal), readOne(there, name, signal)])
  if (a === undefined || b === undefined) return undefined
  const told = toldByThemselves(a.reading, b.reading)
  if (told !== undefined) return told ? 'ceph' : undefined
  return (await probe(here, a.pool, there, b.pool, signal)) ? 'folder' : undefined
}

async function readOne(
  host: Host,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly pool: Pool; readonly reading: PoolReading } | undefined> {
  const pool = await findPool(host, name, signal)
  if (pool === undefined) return undefined
  return {
    pool,
    reading: readPool(parseXml(await ask(host, procedures.pools.xml, { pool, flags: 0 }, signal))),
  }
}

/** As far as their definitions tell it; undefined where they cannot. */
export function toldByThemselves(
  a: Pick<PoolReading, 'spec' | 'path'>,
  b: Pick<PoolReading, 'spec' | 'path'>,
): boolean | undefined {
  if (a.spec.type !== b.spec.type) return false
  if (a.spec.type === 'rbd') return sameCeph(fields(a.spec.rbd), fields(b.spec.rbd))
  return ofFiles.includes(String(a.spec.type)) && a.path !== undefined && a.path === b.path
    ? undefined
    : false
}

/** One pool of one cluster: a monitor that both name is of one cluster. */
function sameCeph(a: ReturnType<typeof fields>, b: ReturnType<typeof fields>): boolean {
  const monitors = list(b.monitors)
  return a.pool === b.pool && list(a.monitors).some(one => monitors.some(other => sameValue(one, other)))
}

async function probe(here: Host, a: Pool, there: Host, b: Pool, signal: AbortSignal): Promise<boolean> {
  const name = `infra-probe-${here.ports.random.uuid()}`
  const made = await createVolume(here, a, { name, capacityBytes: 0, format: 'raw' }, signal)
  try {
    await there.refresher.refresh(b)
    return (await findVolume(there, b, name, signal)) !== undefined
  } finally {
    await deleteVolume(here, made, AbortSignal.timeout(30_000))
  }
}
