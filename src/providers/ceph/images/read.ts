/** Images as they are. */
import type { Attributes } from '../../../model/value.js'
import type { Observation, Target } from '../../provider.js'
import { type Ceph, monitors } from '../ask.js'
import type { CallOptions, RbdImageInfo, RbdImageRef } from '../client/connection.js'
import { CephError, orAbsent } from '../client/error.js'
import { groupBy, type Seen } from '../handler.js'
import { imageFeatures } from '../kinds/image.js'
import { objects, present, text } from '../kinds/values.js'
import { ownerKey, readTag } from '../tags.js'
import { unreadable } from '../volumes/read.js'

/** Names of the snapshots that infra made, in the image's metadata, separated by blanks; `-` for none. */
export const snapshotsKey = 'infra.snapshots'

export const poolsOf = (targets: readonly Target[]) =>
  groupBy(targets, target => text(target.spec.pool) ?? '')

export const imageAt = (target: Target): RbdImageRef => ({
  pool: text(target.spec.pool) ?? '',
  image: target.name,
})

/** What there is of a pool's images. */
export interface PoolImages {
  readonly infos: readonly RbdImageInfo[]
  /** Names that nobody can open: a create, or a way into the trash, was cut off inside librbd. */
  readonly remains: readonly string[]
  /** Images that could not be read, by name. */
  readonly unread: ReadonlyMap<string, CephError>
}

/** All of them, where each could be read; fails with why one could not. */
export function allRead({ infos, unread }: PoolImages): readonly RbdImageInfo[] {
  const [first] = unread.values()
  if (first) throw first
  return infos
}

/** The images of a pool that are wanted; none where there is no such pool. One list call, then all at once. */
export async function readAll(
  ceph: Ceph,
  pool: string,
  wanted: (name: string) => boolean,
  options: CallOptions,
): Promise<PoolImages> {
  const { rbd } = ceph.connection
  const list = async () => {
    const names = (await orAbsent(rbd.list({ pool }, options))) ?? []
    return names.filter(wanted)
  }
  const names = await list()
  const infos: RbdImageInfo[] = []
  const gone: string[] = []
  const unread = new Map<string, CephError>()
  const found = await Promise.all(names.map(image => infoOf(ceph, { pool, image }, options)))
  for (const [index, name] of names.entries()) {
    const info = found[index]
    if (info === undefined) gone.push(name)
    else if (info instanceof CephError) unread.set(name, info)
    else infos.push(info)
  }
  // One that went since the first list was made is not in the second
  const still = new Set(gone.length === 0 ? [] : await list())
  return { infos, remains: gone.filter(name => still.has(name)), unread }
}

/** Undefined of one that is not there. */
async function infoOf(ceph: Ceph, at: RbdImageRef, options: CallOptions) {
  try {
    return await orAbsent(ceph.connection.rbd.info(at, options))
  } catch (thrown) {
    if (thrown instanceof CephError) return thrown
    throw thrown
  }
}

/** An image's attributes, canonical. Snapshots that infra neither made nor is told of are left out. */
export function imageSpec(info: RbdImageInfo, pool: string, wanted: Attributes): Attributes {
  const ours = madeSnapshots(info)
  const declared = new Set([...ours, ...objects(wanted.snapshots).map(snapshot => text(snapshot.name))])
  const known: readonly string[] = imageFeatures
  return present({
    pool,
    size: info.size,
    dataPool: info.dataPool,
    objectSize: info.objectSize,
    stripeUnit: info.stripeUnit,
    stripeCount: info.stripeCount,
    features: info.features.filter(feature => known.includes(feature)),
    from: info.parent && { ...info.parent },
    snapshots: info.snapshots
      .filter(snapshot => declared.has(snapshot.name))
      .map(snapshot => ({ name: snapshot.name, protected: snapshot.protected })),
  })
}

export function madeSnapshots(info: RbdImageInfo): string[] {
  return (info.metadata[snapshotsKey] ?? '').split(' ').filter(name => name !== '' && name !== '-')
}

export async function observeImages(
  ceph: Ceph,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<Seen> {
  const options = { signal }
  const addresses = await monitors(ceph, options)
  const seen: Seen = new Map()
  await Promise.all(
    [...poolsOf(targets)].map(async ([pool, inPool]) => {
      const names = new Set(inPool.map(target => target.name))
      try {
        const { infos, remains, unread } = await readAll(ceph, pool, name => names.has(name), options)
        const byName = new Map(infos.map(info => [info.name, info]))
        for (const target of inPool) {
          const info = byName.get(target.name)
          const failure = unread.get(target.name)
          if (failure) {
            seen.set(target.address, unreadable(failure))
            continue
          }
          seen.set(
            target.address,
            info
              ? seenImage(info, pool, target, addresses, ceph)
              : remains.includes(target.name)
                ? seenRemains(pool)
                : { status: 'absent' },
          )
        }
      } catch (thrown) {
        if (!(thrown instanceof CephError)) throw thrown
        for (const target of inPool) seen.set(target.address, unreadable(thrown))
      }
    }),
  )
  return seen
}

function seenRemains(pool: string): Observation {
  const remark = 'only its name is there: making it, or deleting it, was cut off'
  return { status: 'present', identity: {}, spec: { pool }, facts: {}, incomplete: true, remark }
}

function seenImage(
  info: RbdImageInfo,
  pool: string,
  target: Target,
  addresses: readonly string[],
  ceph: Ceph,
): Observation {
  const { owner, identity } = readTag(info.metadata[ownerKey])
  return {
    status: 'present',
    identity: { ...identity, id: info.id },
    ...(owner && { owner }),
    spec: imageSpec(info, pool, target.spec),
    facts: {
      id: info.id,
      pool,
      name: info.name,
      spec: `${pool}/${info.name}`,
      monitors: addresses,
      disk: { pool, image: info.name, monitors: addresses, ...ceph.client },
    },
  }
}
