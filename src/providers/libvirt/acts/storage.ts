/** How full a host's storage is, what of it could be freed, and what promises more than there is. */
import { ask, orAbsent } from '../connection.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import type { NamedHost } from './open.js'
import { listPools, type PoolView, type VolumeView, volumeViews } from './pools.js'

export interface StorageStatus {
  readonly host: string
  readonly pools: readonly PoolView[]
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly availableBytes: number
}

export interface Advice {
  readonly host: string
  readonly pool: string
  /** `full`: act now; `filling`: watch it; `promised`: disks may grow beyond it; `trash`, `orphan`: could be freed. */
  readonly is: 'full' | 'filling' | 'promised' | 'trash' | 'orphan' | 'inactive'
  readonly severity: 'error' | 'warning' | 'note'
  readonly message: string
  /** What to do. */
  readonly hint: string
  readonly bytes?: number
  readonly volume?: string
}

export interface Thresholds {
  /** Percent of a pool that is taken. */
  readonly filling: number
  readonly full: number
}

export const usualThresholds: Thresholds = { filling: 80, full: 95 }

/** Pools in one file system are counted once. */
export async function storageStatus(named: NamedHost, signal: AbortSignal): Promise<StorageStatus> {
  const pools = await listPools(named, signal)
  const places = new Map(
    pools
      .filter(pool => pool.state !== 'inactive')
      // folders whose file systems have the same size to the byte are taken for folders of one
      .map(pool => [pool.type === 'dir' ? String(pool.capacityBytes) : pool.uuid, pool] as const),
  )
  const sum = (of: (pool: PoolView) => number) =>
    [...places.values()].reduce((total, pool) => total + of(pool), 0)
  return {
    host: named.name,
    pools,
    capacityBytes: sum(pool => pool.capacityBytes),
    allocationBytes: sum(pool => pool.allocationBytes),
    availableBytes: sum(pool => pool.availableBytes),
  }
}

/** What is to be done about a host's storage, the most urgent first. */
export async function analyzeStorage(
  named: NamedHost,
  thresholds: Thresholds,
  signal: AbortSignal,
): Promise<readonly Advice[]> {
  const [pools, files] = await Promise.all([listPools(named, signal), filesOfMachines(named, signal)])
  const seen = await Promise.all(
    pools.map(async view => ({
      view,
      volumes:
        view.state === 'inactive'
          ? undefined
          : await volumeViews(named.host, { name: view.name, uuid: view.uuid }, signal),
    })),
  )
  const used = new Set([
    ...files,
    ...seen.flatMap(({ volumes = [] }) => volumes.flatMap(one => one.backing ?? [])),
  ])
  const found = seen.flatMap(({ view, volumes }) =>
    volumes === undefined
      ? [inactive(named.name, view)]
      : [
          ...spaceAdvices(named.name, view, volumes, thresholds),
          ...volumes.flatMap(volume => volumeAdvice(named.name, view.name, volume, used) ?? []),
        ],
  )
  const order = { error: 0, warning: 1, note: 2 }
  return found.sort((a, b) => order[a.severity] - order[b.severity] || (b.bytes ?? 0) - (a.bytes ?? 0))
}

/** What is to be done about the room in a pool. */
function spaceAdvices(
  host: string,
  pool: PoolView,
  volumes: readonly VolumeView[],
  { filling, full }: Thresholds,
): Advice[] {
  const about = { host, pool: pool.name }
  const advices: Advice[] = []
  const taken = pool.capacityBytes === 0 ? 0 : (pool.allocationBytes / pool.capacityBytes) * 100
  const message = `${Math.round(taken)} % of the pool ${pool.name} are taken`
  if (taken >= full) {
    const hint = 'Free room now: its machines stop when it is full.'
    advices.push({ ...about, is: 'full', severity: 'error', message, hint })
  } else if (taken >= filling) {
    const hint = 'Make room, or give it more.'
    advices.push({ ...about, is: 'filling', severity: 'warning', message, hint })
  }
  const promised = volumes.reduce((sum, one) => sum + Math.max(one.capacityBytes - one.allocationBytes, 0), 0)
  if (promised > pool.availableBytes) {
    advices.push({
      ...about,
      is: 'promised',
      severity: 'warning',
      message: `The disks in the pool ${pool.name} may grow by more than is left in it`,
      hint: 'Watch it, or give it more.',
      bytes: promised - pool.availableBytes,
    })
  }
  return advices
}

/** Whether the room of a volume could be had; undefined where it is in use. */
function volumeAdvice(
  host: string,
  pool: string,
  volume: VolumeView,
  used: ReadonlySet<string>,
): Advice | undefined {
  const { name } = volume
  const about = { host, pool, severity: 'note', bytes: volume.allocationBytes, volume: name } as const
  if (volume.trash) {
    const hint = 'infra checkpoint prune gives it back, where its checkpoint is not needed any more.'
    return { ...about, is: 'trash', message: `${name} waits for a rollback`, hint }
  }
  if (used.has(volume.path) || used.has(`${pool}:${name}`)) return undefined
  // folders, and what a serial console said
  if (volume.format === 'dir' || /_serial\.log$/.test(name)) return undefined
  const hint = 'Declare it, use it, or delete it: virsh vol-delete; images: infra image prune.'
  return { ...about, is: 'orphan', message: `nothing uses ${name}`, hint }
}

function inactive(host: string, pool: PoolView): Advice {
  return {
    host,
    pool: pool.name,
    is: 'inactive',
    severity: 'warning',
    message: `The pool ${pool.name} is not active, and what is in it cannot be seen`,
    hint: `virsh pool-start ${pool.name}`,
  }
}

/** Paths and references of all that a machine has: its disks, the log of its console, its Ignition. */
async function filesOfMachines({ host }: NamedHost, signal: AbortSignal): Promise<readonly string[]> {
  const domains = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal)
  const readings = await Promise.all(
    domains.map(async domain => {
      // both forms: the stored one may not have what the running one still uses
      const xmls = await Promise.all(
        [0, domainXmlFlags.inactive].map(flags =>
          orAbsent(ask(host, procedures.domains.xml, { domain, flags }, signal), 'NO_DOMAIN'),
        ),
      )
      return xmls.flatMap(xml => (xml === undefined ? [] : [readDomain(parseXml(xml))]))
    }),
  )
  return readings
    .flat()
    .flatMap(({ disks, serialLogPath, ignitionPath }) => [
      ...disks.map(disk => disk.reference),
      serialLogPath,
      ignitionPath,
    ])
    .filter(path => path !== undefined)
}
