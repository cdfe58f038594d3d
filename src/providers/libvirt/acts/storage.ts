/** How full a host's storage is, what of it could be freed, and what promises more than there is. */
import { ask, orAbsent } from '../connection.js'
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
  const { host } = named
  const [pools, used] = await Promise.all([listPools(named, signal), usedVolumes(named, signal)])
  const found = await Promise.all(
    pools.map(async view => {
      if (view.state === 'inactive') return [inactive(named.name, view)]
      const pool = { name: view.name, uuid: view.uuid }
      const volumes = await volumeViews(host, pool, signal)
      return advicesOf(named.name, view, volumes, used, thresholds)
    }),
  )
  const order = { error: 0, warning: 1, note: 2 }
  return found.flat().sort((a, b) => order[a.severity] - order[b.severity] || (b.bytes ?? 0) - (a.bytes ?? 0))
}

function advicesOf(
  host: string,
  pool: PoolView,
  volumes: readonly VolumeView[],
  used: ReadonlySet<string>,
  { filling, full }: Thresholds,
): Advice[] {
  const taken = pool.capacityBytes === 0 ? 0 : (pool.allocationBytes / pool.capacityBytes) * 100
  const percent = `${Math.round(taken)} % of the pool ${pool.name} are taken`
  const promised = volumes.reduce((sum, one) => sum + Math.max(one.capacityBytes - one.allocationBytes, 0), 0)
  const based = new Set(volumes.flatMap(one => one.backing ?? []))
  const about = { host, pool: pool.name }
  return [
    ...(taken >= full
      ? [
          {
            ...about,
            is: 'full' as const,
            severity: 'error' as const,
            message: percent,
            hint: 'Free room now: its machines stop when it is full.',
          },
        ]
      : taken >= filling
        ? [
            {
              ...about,
              is: 'filling' as const,
              severity: 'warning' as const,
              message: percent,
              hint: 'Make room, or give it more.',
            },
          ]
        : []),
    ...(promised > pool.availableBytes
      ? [
          {
            ...about,
            is: 'promised' as const,
            severity: 'warning' as const,
            message: `The disks in the pool ${pool.name} may grow by more than is left in it`,
            hint: 'Watch it, or give it more.',
            bytes: promised - pool.availableBytes,
          },
        ]
      : []),
    ...volumes.flatMap((volume): Advice[] => {
      const bytes = volume.allocationBytes
      if (volume.trash) {
        const hint = 'infra checkpoint prune gives it back, where its checkpoint is not needed any more.'
        return [
          {
            ...about,
            is: 'trash',
            severity: 'note',
            message: `${volume.name} waits for a rollback`,
            hint,
            bytes,
            volume: volume.name,
          },
        ]
      }
      if (used.has(volume.path) || used.has(`${pool.name}:${volume.name}`) || based.has(volume.path))
        return []
      if (volume.format === 'dir' || /_serial\.log$/.test(volume.name)) return []
      const hint = 'Declare it, use it, or delete it: virsh vol-delete; images: infra image prune.'
      return [
        {
          ...about,
          is: 'orphan',
          severity: 'note',
          message: `nothing uses ${volume.name}`,
          hint,
          bytes,
          volume: volume.name,
        },
      ]
    }),
  ]
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

/** Paths and references of all that a machine has as a disk, or that is based on in another pool. */
async function usedVolumes({ host }: NamedHost, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const domains = await ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal)
  const pools = await ask(host, procedures.connect.listPools, { needResults: 1, flags: 2 }, signal)
  const [readings, volumes] = await Promise.all([
    Promise.all(
      domains.map(async domain => {
        // both forms: the stored one may not have what the running one still uses
        const xmls = await Promise.all(
          [0, 2].map(flags =>
            orAbsent(ask(host, procedures.domains.xml, { domain, flags }, signal), 'NO_DOMAIN'),
          ),
        )
        return xmls.flatMap(xml => (xml === undefined ? [] : [readDomain(parseXml(xml))]))
      }),
    ),
    Promise.all(pools.map(pool => volumeViews(host, pool, signal))),
  ])
  const used = new Set<string>()
  for (const reading of readings.flat()) {
    for (const disk of reading.disks) if (disk.reference !== undefined) used.add(disk.reference)
    if (reading.serialLogPath !== undefined) used.add(reading.serialLogPath)
    if (reading.ignitionPath !== undefined) used.add(reading.ignitionPath)
  }
  for (const volume of volumes.flat()) if (volume.backing !== undefined) used.add(volume.backing)
  return used
}
