/** Making images and bringing them to what is declared. */
import { InfraError } from '../../../model/error.js'
import type { Call, CreateRequest, Target, UpdateRequest } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions, RbdClone, RbdImageInfo } from '../client/connection.js'
import { isErrno, orAbsent } from '../client/error.js'
import { changeableFeatures } from '../kinds/image.js'
import { fields, number, objects, text, texts } from '../kinds/values.js'
import { mayFinish } from '../refuse.js'
import { ownerKey, ownerTag, readTag } from '../tags.js'
import { imageAt, imageSpec, madeSnapshots, snapshotsKey } from './read.js'
import { clearRemains } from './remove.js'
import { inPlace, restoreImage } from './trash.js'

/** How long a resize or a snapshot of a large image may take. */
const longSeconds = 3600

export async function createImage(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const { rbd } = ceph.connection
  const at = imageAt(request)
  const named = await orAbsent(rbd.info(at, options))
  const found = named && (await inPlace(ceph, request, named.id, options)) ? named : undefined
  if (found) {
    const { owner } = readTag(found.metadata[ownerKey])
    const spec = imageSpec(found, at.pool, request.spec)
    mayFinish(
      { status: 'present', identity: {}, spec, facts: {}, ...(owner && { owner }) },
      request,
      ['objectSize', 'dataPool', 'stripeUnit', 'stripeCount'],
      request.restore === undefined ? ['size'] : [],
    )
  } else if (request.restore !== undefined) await restoreImage(ceph, request, request.restore, call)
  else await makeOverRemains(ceph, request, call)
  // At once after it is there: with the tag it is known whose it is
  await rbd.setMetadata({ ...at, values: { [ownerKey]: ownerTag(request.owner, request.identity) } }, options)
  await bring(ceph, request, options)
}

export async function updateImage(ceph: Ceph, request: UpdateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const values = { [ownerKey]: ownerTag(request.owner, request.identity) }
  await ceph.connection.rbd.setMetadata({ ...imageAt(request), values }, options)
  await bring(ceph, request, options)
}

/** Makes an image; where only the name of one is in the way, which an earlier try left that was cut off, without that. */
async function makeOverRemains(ceph: Ceph, request: CreateRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  try {
    await make(ceph, request, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'EEXIST')) throw thrown
    await clearRemains(ceph, imageAt(request), call)
    await make(ceph, request, options)
  }
}

async function make(ceph: Ceph, request: CreateRequest, options: CallOptions): Promise<void> {
  const { rbd } = ceph.connection
  const { spec } = request
  const at = imageAt(request)
  const objectSize = number(spec.objectSize)
  const dataPool = text(spec.dataPool)
  const shape = {
    ...at,
    features: texts(spec.features),
    ...(objectSize !== undefined && { objectSize }),
    ...(dataPool !== undefined && { dataPool }),
  }
  if (spec.from !== undefined) return clone(ceph, request, shape, options)
  const stripeUnit = number(spec.stripeUnit)
  const stripeCount = number(spec.stripeCount)
  const stripes = stripeUnit !== undefined && stripeCount !== undefined && { stripeUnit, stripeCount }
  await rbd.create({ ...shape, size: number(spec.size) ?? 0, ...stripes }, options)
}

async function clone(ceph: Ceph, request: Target, shape: Omit<RbdClone, 'parent'>, options: CallOptions) {
  const from = fields(request.spec.from)
  const parent = {
    pool: text(from.pool) ?? shape.pool,
    image: text(from.image) ?? '',
    snapshot: text(from.snapshot) ?? '',
  }
  try {
    await ceph.connection.rbd.clone({ ...shape, parent }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'EINVAL')) throw thrown
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-clone-refused',
      address: request.address,
      message: `${request.name} cannot be cloned from ${parent.pool}/${parent.image}@${parent.snapshot}`,
      why: thrown.why ?? thrown.message,
      hint: 'Set `protected: true` on the snapshot, or let clients be Mimic or newer: ceph osd set-require-min-compat-client mimic',
    })
  }
}

/** Sets what differs from what is declared. What is not declared stays as it is. */
async function bring(ceph: Ceph, target: Target, options: CallOptions): Promise<void> {
  const { rbd } = ceph.connection
  const at = imageAt(target)
  const info = await rbd.info(at, options)
  const size = number(target.spec.size)
  if (size !== undefined && size !== info.size) {
    await rbd.resize({ ...at, size, allowShrink: true }, { ...options, timeoutSeconds: longSeconds })
  }
  await bringFeatures(ceph, target, info, options)
  if (target.spec.snapshots !== undefined) await bringSnapshots(ceph, target, info, options)
}

async function bringFeatures(ceph: Ceph, target: Target, info: RbdImageInfo, options: CallOptions) {
  if (target.spec.features === undefined) return
  const wanted = texts(target.spec.features)
  const mayGo = [...changeableFeatures, 'deep-flatten']
  const enable = wanted.filter(name => changeableFeatures.includes(name) && !info.features.includes(name))
  const disable = info.features.filter(name => mayGo.includes(name) && !wanted.includes(name))
  if (enable.length + disable.length === 0) return
  // What depends on the lock goes before it, and comes after it
  const before = disable.filter(name => name !== 'exclusive-lock')
  const after = enable.filter(name => name !== 'exclusive-lock')
  const lock = ['exclusive-lock']
  const at = imageAt(target)
  const steps = [
    { enable: enable.includes('exclusive-lock') ? lock : [], disable: before },
    { enable: after, disable: disable.includes('exclusive-lock') ? lock : [] },
  ]
  for (const step of steps) {
    if (step.enable.length + step.disable.length > 0)
      await ceph.connection.rbd.features({ ...at, ...step }, options)
  }
}

async function bringSnapshots(ceph: Ceph, target: Target, info: RbdImageInfo, options: CallOptions) {
  const { rbd } = ceph.connection
  const at = imageAt(target)
  const there = new Map(info.snapshots.map(snapshot => [snapshot.name, snapshot]))
  const wanted = objects(target.spec.snapshots).map(snapshot => ({
    name: text(snapshot.name) ?? '',
    protected: snapshot.protected === true,
  }))
  const names = wanted.map(snapshot => snapshot.name)
  const gone = madeSnapshots(info).filter(name => !names.includes(name))
  const fresh = names.filter(name => !there.has(name))
  // Written down before they are made: a snapshot that nobody knows to be infra's would stay for ever
  const made = [...new Set([...madeSnapshots(info), ...fresh])]
  if (fresh.length > 0) await rbd.setMetadata({ ...at, values: { [snapshotsKey]: made.join(' ') } }, options)
  for (const { name: snapshot, protected: guarded } of wanted) {
    if (fresh.includes(snapshot)) await rbd.snapCreate({ ...at, snapshot }, options)
    const is = there.get(snapshot)?.protected ?? false
    if (guarded && !is) await rbd.snapProtect({ ...at, snapshot }, options)
    if (!guarded && is) await rbd.snapUnprotect({ ...at, snapshot }, options)
  }
  for (const snapshot of gone) {
    if (there.get(snapshot)?.protected) await rbd.snapUnprotect({ ...at, snapshot }, options)
    if (there.has(snapshot))
      await rbd.snapRemove({ ...at, snapshot }, { ...options, timeoutSeconds: longSeconds })
  }
  if (gone.length > 0) {
    const left = made.filter(name => !gone.includes(name))
    await rbd.setMetadata({ ...at, values: { [snapshotsKey]: left.join(' ') || '-' } }, options)
  }
}
