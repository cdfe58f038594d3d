/** Volumes as they are. */
import PQueue from 'p-queue'
import type { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import type { Observation, Target } from '../../provider.js'
import { type Ceph, mgrData } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { CephError, isErrno, orAbsent } from '../client/error.js'
import { servedFilesystems } from '../filesystems/served.js'
import { groupBy, type Seen } from '../handler.js'
import { fields, present } from '../kinds/values.js'
import { noted, ownerKey, readTag } from '../tags.js'
import { about, inGroup, type Place, placeOf } from './place.js'

/** What a clone was made from, in its metadata: Ceph forgets it. */
export const sourceKey = 'infra.source'

export interface VolumeJson {
  readonly state: string
  /** `subvolume`, or `clone` of one that was made from a snapshot. */
  readonly type: string
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly bytes_quota: number | 'infinite'
  readonly bytes_used: number
  readonly data_pool: string
  readonly pool_namespace: string
  readonly mon_addrs: readonly string[]
  readonly features: readonly string[]
}

/**
 * Whether a delete can keep a snapshot of it. Old Cephs made volumes that cannot; so does a manager that takes over a
 * create which another one, killed in the middle of it, has begun.
 */
export const canBeKept = (info: VolumeJson): boolean => info.features.includes('snapshot-retention')

export type VolumeState =
  | { readonly is: 'absent' }
  /** Deleted, with snapshots left. */
  | { readonly is: 'retained' }
  /** A folder that no manager knows to be a volume: a create that was cut off, or somebody's own folder. */
  | { readonly is: 'torn' }
  /** A clone that is not done. */
  | { readonly is: 'cloning' }
  | { readonly is: 'live'; readonly info: VolumeJson }

export async function volumeState(ceph: Ceph, place: Place, options: CallOptions): Promise<VolumeState> {
  try {
    const info = await mgrData<VolumeJson>(ceph, about(place, 'fs subvolume info'), options)
    return info.state === 'snapshot-retained' ? { is: 'retained' } : { is: 'live', info }
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return { is: 'absent' }
    if (isErrno(thrown, 'EAGAIN')) return { is: 'cloning' }
    if (isErrno(thrown, 'ENODATA')) return { is: 'torn' }
    throw thrown
  }
}

/** Names of all volumes in a group, the retained ones, too; none where there is no such group or file system. */
export async function volumeNames(
  ceph: Ceph,
  filesystem: string,
  group: string | undefined,
  options: CallOptions,
): Promise<string[]> {
  const command = { prefix: 'fs subvolume ls', vol_name: filesystem, ...inGroup(group) }
  const found = (await orAbsent(mgrData<{ name: string }[]>(ceph, command, options))) ?? []
  return found.map(volume => volume.name)
}

/** A volume's own metadata; nothing where this Ceph keeps none. */
export async function volumeMetadata(
  ceph: Ceph,
  place: Place,
  options: CallOptions,
): Promise<Record<string, string>> {
  const prefix = 'fs subvolume metadata ls'
  if (!ceph.connection.offers(prefix)) return {}
  return (await orAbsent(mgrData<Record<string, string>>(ceph, about(place, prefix), options))) ?? {}
}

/** Permissions as they are written, of a mode with its file type: 16877 is `755`. */
export const modeText = (mode: number): string => (mode & 0o7777).toString(8).padStart(3, '0')

/** A volume's attributes, canonical. */
export function volumeSpec(
  info: VolumeJson,
  place: Place,
  kind: string,
  source: string | undefined,
): Attributes {
  const common = {
    filesystem: place.filesystem,
    group: place.group,
    dataPool: info.data_pool,
    size: info.bytes_quota,
  }
  if (kind === 'CephClone') return present(common, { source: noted(source) })
  return present(common, {
    mode: modeText(info.mode),
    uid: info.uid,
    gid: info.gid,
    isolatedNamespace: info.pool_namespace !== '',
  })
}

/** So many volumes are read at once. The second call about one comes while the manager has its folder at hand still. */
const atOnce = 24

/** One call to the monitors, a list call for every group, then two for every volume, many at once. */
export async function observeVolumes(
  ceph: Ceph,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Seen> {
  const options = { signal }
  const seen: Seen = new Map()
  const groups = groupBy(targets, target =>
    JSON.stringify([target.spec.filesystem, target.spec.group ?? null]),
  )
  const served = await servedFilesystems(ceph, options)
  const queue = new PQueue({ concurrency: atOnce })
  await Promise.all(
    [...groups.values()].map(async inGroup => {
      const [first] = inGroup
      if (!first) return
      const { filesystem, group } = placeOf(first)
      try {
        const there = served(filesystem)
        const names = new Set(there ? await volumeNames(ceph, filesystem, group, options) : [])
        await Promise.all(
          inGroup.map(async target => {
            const listed = names.has(target.name)
            const found =
              listed && (await queue.add(() => orUnreadable(observeVolume(ceph, target, options))))
            seen.set(target.address, found || { status: 'absent' })
          }),
        )
      } catch (thrown) {
        if (!(thrown instanceof CephError)) throw thrown
        for (const target of inGroup)
          if (!seen.has(target.address)) seen.set(target.address, unreadable(thrown))
      }
    }),
  )
  return seen
}

export function unreadable(error: InfraError): Observation {
  return {
    status: 'unreadable',
    why: [error.message, error.why].filter(part => part !== undefined).join(': '),
  }
}

/** One that cannot be read hides no other. */
export async function orUnreadable(observation: Promise<Observation>): Promise<Observation> {
  try {
    return await observation
  } catch (thrown) {
    if (thrown instanceof CephError) return unreadable(thrown)
    throw thrown
  }
}

async function observeVolume(ceph: Ceph, target: Target, options: CallOptions): Promise<Observation> {
  const place = placeOf(target)
  const state = await volumeState(ceph, place, options)
  if (state.is === 'cloning') return incomplete(target, 'its data is still being cloned')
  if (state.is === 'torn') return incomplete(target, 'its folder is there, but it is no volume yet')
  if (state.is !== 'live') return { status: 'absent' }
  const metadata = await volumeMetadata(ceph, place, options)
  const { owner, identity } = readTag(metadata[ownerKey])
  const { info } = state
  return {
    status: 'present',
    identity: { ...identity, path: info.path },
    ...(owner && { owner }),
    spec: volumeSpec(info, place, target.kind, metadata[sourceKey]),
    facts: {
      path: info.path,
      monitors: [...info.mon_addrs],
      dataPool: info.data_pool,
      ...(info.pool_namespace !== '' && { namespace: info.pool_namespace }),
    },
  }
}

function incomplete(target: Target, remark: string): Observation {
  const { filesystem, group } = fields(target.spec)
  return {
    status: 'present',
    identity: {},
    spec: present({ filesystem, group }),
    facts: {},
    incomplete: true,
    remark,
  }
}
