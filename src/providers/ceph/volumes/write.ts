/** Making volumes and bringing them to what is declared. */

import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, CreateRequest, Target, UpdateRequest } from '../../provider.js'
import { type Ceph, tellMgr, tellPatiently } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { isErrno } from '../client/error.js'
import { fields, number, present, text } from '../kinds/values.js'
import { requireOffered } from '../offered.js'
import { exists, lost, mayFinish } from '../refuse.js'
import { ownerKey, ownerTag, readTag } from '../tags.js'
import { awaitClone, cloneVolume } from './clone.js'
import { isEmpty } from './empty.js'
import { bringBack, describe, wholeState } from './kept.js'
import { about, type Place, placeOf } from './place.js'
import {
  canBeKept,
  modeText,
  sourceKey,
  type VolumeState,
  volumeMetadata,
  volumeSpec,
  volumeState,
} from './read.js'
import { keptVolume } from './remove.js'

export async function createVolume(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const place = placeOf(request)
  requireOffered(ceph.connection, request)
  const before = await volumeState(ceph, place, options)
  let state = before.is === 'torn' ? await wholeState(ceph, place, options) : before
  if (state.is === 'cloning') {
    await awaitClone(ceph, place, call)
    state = await volumeState(ceph, place, options)
  }
  // What has been made whole just now says nothing of what it should be
  const lesser = state.is === 'live' && (before.is === 'torn' || !canBeKept(state.info))
  if (state.is === 'live' && lesser && (await isUnused(ceph, place, state, options))) {
    await tellPatiently(ceph, about(place, 'fs subvolume rm'), call)
    state = { is: 'absent' }
  }
  if (state.is === 'live') await takeUp(ceph, request, place, state, options)
  else if (request.restore !== undefined) await restore(ceph, request, state, call)
  else if (request.kind === 'CephClone') await clone(ceph, request, call)
  else {
    await make(ceph, request, call)
    // All of it was said when it was made
    return tag(ceph, request, place, options)
  }
  await tag(ceph, request, place, options)
  await bring(ceph, request, options)
  if (request.restore !== undefined) await dropKept(ceph, place, request.restore, options)
}

export async function updateVolume(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  await tag(ceph, request, placeOf(request), options)
  await bring(ceph, request, options)
}

/** Goes on with what is there already, where it is what is to be made. */
async function takeUp(
  ceph: Ceph,
  request: CreateRequest,
  place: Place,
  state: Extract<VolumeState, { is: 'live' }>,
  options: CallOptions,
): Promise<void> {
  const metadata = await volumeMetadata(ceph, place, options)
  const { owner } = readTag(metadata[ownerKey])
  const spec = volumeSpec(state.info, place, request.kind, metadata[sourceKey])
  const found = { status: 'present' as const, identity: {}, spec, facts: {}, ...(owner && { owner }) }
  const fixed = ['dataPool', 'isolatedNamespace']
  // What carries no tag and is brought back was cut off on its way back; its attributes come later
  mayFinish(found, request, fixed, request.restore === undefined ? ['size', 'mode', 'uid', 'gid'] : [])
  if (request.restore === undefined || owner) return
  if (!ceph.connection.offers('fs subvolume metadata set')) return
  if (state.info.type !== 'clone') throw exists(request, 'it was made anew, and is not what was deleted')
  const kept = keptVolume(request.restore)
  await describe(ceph, place, kept.metadata ?? kept.snapshot, options)
}

/** Makes it, anew where a manager was killed in the middle and the next one made something lesser of it. */
async function make(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const { spec } = request
  const place = placeOf(request)
  const size = number(spec.size)
  const command = about(place, 'fs subvolume create', {
    ...(size !== undefined && { size }),
    ...(text(spec.dataPool) !== undefined && { pool_layout: text(spec.dataPool) ?? '' }),
    uid: number(spec.uid) ?? 0,
    gid: number(spec.gid) ?? 0,
    mode: text(spec.mode) ?? '755',
    ...(spec.isolatedNamespace === true && { namespace_isolated: true }),
  })
  for (let tries = 0; tries < 3; tries++) {
    await tellPatiently(ceph, command, call)
    const state = await volumeState(ceph, place, { signal: call.signal })
    if (state.is !== 'live' || canBeKept(state.info)) return
    if (!(await isUnused(ceph, place, state, { signal: call.signal }))) return
    await tellPatiently(ceph, about(place, 'fs subvolume rm'), call)
  }
}

/** Whether nobody has anything in it: so is what is left of a create that was cut off in the manager. */
async function isUnused(
  ceph: Ceph,
  place: Place,
  state: Extract<VolumeState, { is: 'live' }>,
  options: CallOptions,
): Promise<boolean> {
  if (Object.keys(await volumeMetadata(ceph, place, options)).length > 0) return false
  return isEmpty(ceph, place, state.info, options)
}

async function clone(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const place = placeOf(request)
  const source = fields(request.spec.source)
  await cloneVolume(
    ceph,
    {
      filesystem: place.filesystem,
      group: text(source.group),
      volume: text(source.volume) ?? '',
      snapshot: text(source.snapshot) ?? '',
    },
    place,
    text(request.spec.dataPool),
    call,
  )
}

/** The owner's tag, and what a clone was made from. */
async function tag(
  ceph: Ceph,
  request: CreateRequest | UpdateRequest,
  place: Place,
  options: CallOptions,
): Promise<void> {
  const prefix = 'fs subvolume metadata set'
  if (!ceph.connection.offers(prefix)) return
  const values = {
    [ownerKey]: ownerTag(request.owner, request.identity),
    ...(request.kind === 'CephClone' && { [sourceKey]: JSON.stringify(request.spec.source) }),
  }
  for (const [key_name, value] of Object.entries(values)) {
    await tellMgr(ceph, about(place, prefix, { key_name, value }), options)
  }
}

/** Sets what differs from what is declared. What is not declared stays as it is. */
async function bring(ceph: Ceph, target: Target, options: CallOptions): Promise<void> {
  const place = placeOf(target)
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'live') throw gone(target)
  const { info } = state
  const { size } = target.spec
  if (size !== undefined && size !== info.bytes_quota)
    await resizeVolume(ceph, place, size, info.bytes_used, options)
  if (target.kind === 'CephVolume') await bringOwner(ceph, target, place, options)
}

/**
 * Sets a volume's quota: bytes or `infinite`. Refused where more is used, by the manager and before it is asked: it would
 * keep what is there, and stop every write.
 */
export async function resizeVolume(
  ceph: Ceph,
  place: Place,
  size: Json,
  used: number,
  options: CallOptions,
): Promise<void> {
  const bytes = number(size)
  if (bytes !== undefined && bytes < used) {
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-size-below-used',
      message: `${place.volume} cannot have a size of ${bytes} bytes: ${used} are used`,
      hint: 'Delete files first, or choose a larger size.',
    })
  }
  const new_size = bytes === undefined ? 'inf' : String(bytes)
  await tellMgr(ceph, about(place, 'fs subvolume resize', { new_size, no_shrink: true }), options)
}

/** Mode, uid and gid: a repeated `create` sets them, but takes 0 for not said. */
async function bringOwner(ceph: Ceph, target: Target, place: Place, options: CallOptions): Promise<void> {
  const wanted = { mode: text(target.spec.mode), uid: number(target.spec.uid), gid: number(target.spec.gid) }
  const read = async () => {
    const state = await volumeState(ceph, place, options)
    if (state.is !== 'live') throw gone(target)
    const { mode, uid, gid, path } = state.info
    return { mode: modeText(mode), uid, gid, path }
  }
  const same = (now: Awaited<ReturnType<typeof read>>, ...names: (keyof typeof wanted)[]) =>
    names.every(name => wanted[name] === undefined || wanted[name] === now[name])
  const before = await read()
  if (same(before, 'mode', 'uid', 'gid')) return
  const { mode, uid, gid } = { ...before, ...present(wanted) }
  await tellMgr(ceph, about(place, 'fs subvolume create', { uid, gid, mode }), options)
  const after = await read()
  if (same(after, 'uid', 'gid')) return
  const at = { filesystem: place.filesystem, path: after.path, uid: Number(uid), gid: Number(gid) }
  await ceph.connection.files.chown(at, options)
}

/** Brings a deleted volume's data back: a clone of what was kept of it takes its place. */
async function restore(ceph: Ceph, request: CreateRequest, state: VolumeState, call: Call): Promise<void> {
  const place = placeOf(request)
  const { snapshot, metadata } = keptVolume(request.restore ?? null)
  if (state.is !== 'retained') throw lost(request, `its snapshot ${snapshot} is gone`)
  try {
    await bringBack(ceph, place, snapshot, metadata ?? snapshot, call)
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) throw lost(request, `its snapshot ${snapshot} is gone`)
    throw thrown
  }
}

/**
 * What a delete kept has served once the volume is brought back from it; it would hold back the next delete of its group.
 * A snapshot that somebody took stays.
 */
async function dropKept(ceph: Ceph, place: Place, token: Json, options: CallOptions): Promise<void> {
  const { snapshot, metadata } = keptVolume(token)
  if (metadata !== undefined) return
  await tellMgr(ceph, about(place, 'fs subvolume snapshot rm', { snap_name: snapshot, force: true }), options)
}

function gone(target: Target): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'ceph-gone',
    address: target.address,
    message: `the volume ${target.name} has gone`,
    hint: 'Plan again to see what is there now.',
  })
}
