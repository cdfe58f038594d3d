/** Groups of volumes: the verbs of CephSubvolumeGroup. Ceph keeps no tag on them; who owns one is in the state. */
import { type Attributes, sameValue } from '../../../model/value.js'
import type {
  Call,
  CreateRequest,
  DeleteRequest,
  Observation,
  Target,
  UpdateRequest,
} from '../../provider.js'
import { type Ceph, mgrData, tellMgr } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { CephError, orAbsent } from '../client/error.js'
import { servedFilesystems } from '../filesystems/served.js'
import { groupBy, type Handler, observeOne, type Seen, type Token } from '../handler.js'
import { number, present, text } from '../kinds/values.js'
import { needs, requireOffered } from '../offered.js'
import { held, mayFinish } from '../refuse.js'
import { keptPrefix } from '../tags.js'
import { snapshotNames } from '../volumes/kept.js'
import { modeText, orUnreadable, unreadable, volumeNames, volumeState } from '../volumes/read.js'
import { emptied, markedGroups, markGroup, sweepGroup, unmarkGroup } from './kept.js'

export const groups: Handler = { observe, create, update, delete: remove, discard }

interface GroupJson {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly bytes_quota: number | 'infinite'
  readonly bytes_used: number
  readonly data_pool: string
}

const filesystemOf = (target: Target) => text(target.spec.filesystem) ?? ''
const about = (target: Target) => ({ vol_name: filesystemOf(target), group_name: target.name })

async function observe(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Seen> {
  const options = { signal }
  const seen: Seen = new Map()
  const [marked, served] = await Promise.all([markedGroups(ceph, options), servedFilesystems(ceph, options)])
  await Promise.all(
    [...groupBy(targets, filesystemOf)].map(async ([filesystem, inSystem]) => {
      try {
        const command = { prefix: 'fs subvolumegroup ls', vol_name: filesystem }
        const list = served(filesystem) ? mgrData<{ name: string }[]>(ceph, command, options) : undefined
        const found = (list && (await orAbsent(list))) ?? []
        const names = new Set(found.map(group => group.name))
        await Promise.all(
          inSystem.map(async target => {
            const there = names.has(target.name) && !marked.has(`${filesystem}/${target.name}`)
            seen.set(
              target.address,
              there ? await orUnreadable(observeGroup(ceph, target, options)) : { status: 'absent' },
            )
          }),
        )
      } catch (thrown) {
        if (!(thrown instanceof CephError)) throw thrown
        for (const target of inSystem) seen.set(target.address, unreadable(thrown))
      }
    }),
  )
  return seen
}

async function observeGroup(ceph: Ceph, target: Target, options: CallOptions): Promise<Observation> {
  const facts = { path: `/volumes/${target.name}` }
  const spec = { filesystem: filesystemOf(target) }
  const prefix = 'fs subvolumegroup info'
  if (!ceph.connection.offers(prefix)) return { status: 'present', identity: {}, spec, facts }
  const info = await orAbsent(mgrData<GroupJson>(ceph, { prefix, ...about(target) }, options))
  if (!info) return { status: 'absent' }
  return {
    status: 'present',
    identity: {},
    spec: present(spec, {
      size: info.bytes_quota,
      mode: modeText(info.mode),
      uid: info.uid,
      gid: info.gid,
      dataPool: info.data_pool,
    }),
    facts,
  }
}

async function create(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const filesystem = filesystemOf(request)
  requireOffered(ceph.connection, request)
  const found = await observeOne(groups, ceph, request, call.signal)
  if (found.status === 'present') mayFinish(found, request, ['size', 'mode', 'uid', 'gid', 'dataPool'])
  else if ((await markedGroups(ceph, options)).has(`${filesystem}/${request.name}`)) {
    // Its folder has stayed for the kept volumes in it, with the attributes that it had
    await unmarkGroup(ceph, filesystem, request.name, options)
    await bring(ceph, request, options)
  } else await set(ceph, request, request.spec, options)
}

async function update(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  await bring(ceph, request, { signal: call.signal })
}

/** A repeated `create` sets mode, uid and gid; what it is not told, it sets to its defaults. */
async function set(ceph: Ceph, target: Target, spec: Attributes, options: CallOptions): Promise<void> {
  const size = number(spec.size)
  const command = {
    prefix: 'fs subvolumegroup create',
    ...about(target),
    ...(size !== undefined && { size }),
    ...(text(spec.dataPool) !== undefined && { pool_layout: text(spec.dataPool) ?? '' }),
    uid: number(spec.uid) ?? 0,
    gid: number(spec.gid) ?? 0,
    mode: text(spec.mode) ?? '755',
  }
  await tellMgr(ceph, command, options)
}

async function bring(ceph: Ceph, target: Target, options: CallOptions): Promise<void> {
  const found = await observeOne(groups, ceph, target, options.signal)
  if (found.status !== 'present') return set(ceph, target, target.spec, options)
  const differs = (field: string) =>
    target.spec[field] !== undefined && !sameValue(target.spec[field], found.spec[field])
  if (['mode', 'uid', 'gid'].some(differs)) {
    const { size: _size, ...rest } = { ...found.spec, ...target.spec }
    await set(ceph, target, rest, options)
  }
  // Asked again: the command above may have set the quota, too
  const now = await observeOne(groups, ceph, target, options.signal)
  const { size } = target.spec
  if (now.status !== 'present' || size === undefined || size === now.spec.size) return
  needs(ceph.connection, 'fs subvolumegroup resize', undefined, 'a change of a group’s size')
  const new_size = size === 'infinite' ? 'inf' : String(size)
  await tellMgr(
    ceph,
    { prefix: 'fs subvolumegroup resize', ...about(target), new_size, no_shrink: true },
    options,
  )
}

async function remove(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const filesystem = filesystemOf(request)
  const found = await observeOne(groups, ceph, request, call.signal)
  if (found.status === 'absent') return
  const names = await volumeNames(ceph, filesystem, request.name, options)
  const holders = await Promise.all(
    names.map(volume => holderOf(ceph, { filesystem, group: request.name, volume }, options)),
  )
  const live = holders.filter(holder => holder !== undefined)
  if (live.length > 0) throw held(request, live, 'Delete them first, or have the stack own them.')
  if (!(await emptied(ceph, filesystem, request.name, options))) {
    await call.keep({ kind: 'CephSubvolumeGroup', filesystem, group: request.name })
    await markGroup(ceph, filesystem, request.name, options)
  } else await tellMgr(ceph, { prefix: 'fs subvolumegroup rm', ...about(request) }, options)
}

/** What a volume in the group is to its deletion: nothing, where infra itself keeps it. */
async function holderOf(
  ceph: Ceph,
  place: { readonly filesystem: string; readonly group: string; readonly volume: string },
  options: CallOptions,
): Promise<string | undefined> {
  const state = await volumeState(ceph, place, options)
  if (state.is === 'absent') return undefined
  if (state.is !== 'retained') return `volume ${place.volume}`
  const others = (await snapshotNames(ceph, place, options)).filter(name => !name.startsWith(keptPrefix))
  return others.length === 0
    ? undefined
    : `retained snapshots of volume ${place.volume} (${others.join(', ')})`
}

/** The folder goes with the last volume that is kept in it. */
async function discard(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  await sweepGroup(ceph, String(token.filesystem), String(token.group), { signal })
}
