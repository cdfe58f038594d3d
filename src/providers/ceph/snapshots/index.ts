/** Snapshots of volumes: the verbs of CephSnapshot. */
import { type Json, sameValue } from '../../../model/value.js'
import type {
  Call,
  CreateRequest,
  DeleteRequest,
  Observation,
  Target,
  Unmanaged,
  UpdateRequest,
} from '../../provider.js'
import { type Ceph, mgrData, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { CephError, isErrno, orAbsent } from '../client/error.js'
import { servedFilesystems } from '../filesystems/served.js'
import { groupBy, type Handler, observeOne, type Seen } from '../handler.js'
import { present, text } from '../kinds/values.js'
import { requireOffered } from '../offered.js'
import { held, mayFinish } from '../refuse.js'
import { keptPrefix, noted, ownerKey, ownerTag, readTag } from '../tags.js'
import { snapshotNames } from '../volumes/kept.js'
import { about, type Place } from '../volumes/place.js'
import { orUnreadable, unreadable } from '../volumes/read.js'

export const snapshots: Handler = { observe, create, update, delete: remove, unmanaged }

/** What is to be kept of a series, in the snapshot's metadata. */
export const retentionKey = 'infra.retention'

const volumeOf = (target: Target): Place => ({
  filesystem: text(target.spec.filesystem) ?? '',
  group: text(target.spec.group),
  volume: text(target.spec.volume) ?? '',
})

const aboutSnapshot = (target: Target, prefix: string, more: Readonly<Record<string, Json>> = {}) =>
  about(volumeOf(target), prefix, { snap_name: target.name, ...more })

interface SnapshotJson {
  readonly created_at: string
  readonly has_pending_clones: string
  readonly pending_clones?: readonly { readonly name: string }[]
}

async function observe(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Seen> {
  const options = { signal }
  const seen: Seen = new Map()
  const served = await servedFilesystems(ceph, options)
  await Promise.all(
    [...groupBy(targets, target => JSON.stringify(volumeOf(target))).values()].map(async ofVolume => {
      const [first] = ofVolume
      if (!first) return
      try {
        const place = volumeOf(first)
        const names = new Set(served(place.filesystem) ? await snapshotNames(ceph, place, options) : [])
        await Promise.all(
          ofVolume.map(async target => {
            const there = names.has(target.name)
            seen.set(
              target.address,
              there ? await orUnreadable(observeSnapshot(ceph, target, options)) : { status: 'absent' },
            )
          }),
        )
      } catch (thrown) {
        if (!(thrown instanceof CephError)) throw thrown
        for (const target of ofVolume) seen.set(target.address, unreadable(thrown))
      }
    }),
  )
  return seen
}

async function observeSnapshot(ceph: Ceph, target: Target, options: CallOptions): Promise<Observation> {
  const { filesystem, group, volume } = volumeOf(target)
  const [info, metadata] = await Promise.all([
    orAbsent(mgrData<SnapshotJson>(ceph, aboutSnapshot(target, 'fs subvolume snapshot info'), options)),
    metadataOf(ceph, target, options),
  ])
  if (!info) return { status: 'absent' }
  const { owner, identity } = readTag(metadata[ownerKey])
  return {
    status: 'present',
    identity: { ...identity, createdAt: info.created_at },
    ...(owner && { owner }),
    spec: present({ filesystem, group, volume, retention: noted(metadata[retentionKey]) }),
    facts: { createdAt: info.created_at },
  }
}

async function metadataOf(ceph: Ceph, target: Target, options: CallOptions): Promise<Record<string, string>> {
  const prefix = 'fs subvolume snapshot metadata ls'
  if (!ceph.connection.offers(prefix)) return {}
  return (await orAbsent(mgrData<Record<string, string>>(ceph, aboutSnapshot(target, prefix), options))) ?? {}
}

async function create(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  requireOffered(ceph.connection, request)
  const found = await observeOne(snapshots, ceph, request, call.signal)
  if (found.status === 'present') mayFinish(found, request, [])
  else await tellMgr(ceph, aboutSnapshot(request, 'fs subvolume snapshot create'), options)
  await tag(ceph, request, {}, options)
}

async function update(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  requireOffered(ceph.connection, request)
  await tag(ceph, request, await metadataOf(ceph, request, options), options)
}

async function tag(
  ceph: Ceph,
  request: CreateRequest | UpdateRequest,
  before: Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<void> {
  const prefix = 'fs subvolume snapshot metadata set'
  if (!ceph.connection.offers(prefix)) return
  const { retention } = request.spec
  const values: Record<string, string> = { [ownerKey]: ownerTag(request.owner, request.identity) }
  const known = before[retentionKey]
  if (retention !== undefined && !sameValue(noted(known), retention)) {
    values[retentionKey] = JSON.stringify(retention)
  }
  for (const [key_name, value] of Object.entries(values)) {
    if (before[key_name] !== value)
      await tellMgr(ceph, aboutSnapshot(request, prefix, { key_name, value }), options)
  }
  if (retention === undefined && known !== undefined) {
    const remove = aboutSnapshot(request, 'fs subvolume snapshot metadata rm', { key_name: retentionKey })
    await tellMgr(ceph, remove, options)
  }
}

/** There is no way back: a snapshot that is removed is gone. */
async function remove(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const command = aboutSnapshot(request, 'fs subvolume snapshot info')
  const info = await orAbsent(mgrData<SnapshotJson>(ceph, command, options))
  if (!info) return
  if (info.has_pending_clones === 'yes') {
    const names = info.pending_clones?.map(clone => `the clone ${clone.name} under way`)
    throw held(request, names ?? ['clones under way'], 'Wait until they are complete, or cancel them.')
  }
  try {
    await tellMgr(ceph, aboutSnapshot(request, 'fs subvolume snapshot rm'), options)
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
}

/** Snapshots without a tag, of the volumes that targets are of. */
async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const options = { signal }
  const served = await servedFilesystems(ceph, options)
  const found = await Promise.all(
    [...groupBy(targets, target => JSON.stringify(volumeOf(target))).values()].map(async ofVolume => {
      const [first] = ofVolume
      if (!first || !served(volumeOf(first).filesystem)) return []
      const known = new Set(ofVolume.map(target => target.name))
      const names = (await snapshotNames(ceph, volumeOf(first), options)).filter(
        name => !known.has(name) && !name.startsWith(keptPrefix),
      )
      const place = `of volume ${volumeOf(first).volume}`
      return Promise.all(
        names.map(async name => {
          const metadata = await metadataOf(ceph, { ...first, name }, options)
          return metadata[ownerKey] === undefined ? [{ kind: 'CephSnapshot', name, identity: {}, place }] : []
        }),
      )
    }),
  )
  return found.flat(2)
}
