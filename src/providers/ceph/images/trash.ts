/**
 * A pool's trash: images are brought back out of it, and destroyed in it. librbd's ways in and out have several steps, and
 * one that was cut off leaves an image at both ends: until it is ended, librbd answers EBUSY to the other.
 */
import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, CreateRequest } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions, RbdImageRef } from '../client/connection.js'
import { isErrno, orAbsent } from '../client/error.js'
import type { Token } from '../handler.js'
import { listPools } from '../pools/read.js'
import { lost } from '../refuse.js'
import { keptPrefix } from '../tags.js'
import { imageAt } from './read.js'

export interface KeptImage {
  readonly kind: 'RbdImage'
  /** The pool by number: it may be kept under another name itself. */
  readonly poolId: number
  readonly id: string
  readonly name: string
}

const keptImage = (token: Json) => token as unknown as KeptImage

/** Ceph takes a client that has died for alive so long: osd_client_watch_timeout, which is 30 by default, and some more. */
export const deadWatchSeconds = 35

/** Does it again while Ceph answers EBUSY: a client that was killed, infra itself, holds an image's lock for half a minute. */
export async function patiently(ceph: Ceph, call: Call, work: () => Promise<void>): Promise<void> {
  for (let waited = 0; ; waited += 1) {
    try {
      return await work()
    } catch (thrown) {
      if (!isErrno(thrown, 'EBUSY') || waited >= deadWatchSeconds) throw thrown
      call.progress('in use; waits until that is surely no client that has died')
      await ceph.clock.sleep(1000, call.signal)
    }
  }
}

/** Takes an image out of the trash. Fails with `ceph-kept-lost` where it is not there. */
export async function restoreImage(
  ceph: Ceph,
  request: CreateRequest,
  token: Json,
  call: Call,
): Promise<void> {
  const options = { signal: call.signal }
  const { rbd } = ceph.connection
  const { id, name } = keptImage(token)
  const { pool } = imageAt(request)
  if (!(await isTrashed(ceph, pool, id, options)))
    throw lost(request, `image ${id} is not in the trash of pool ${pool}`)
  const restored = () => rbd.trashRestore({ pool, id, name: request.name }, options)
  try {
    await restored()
  } catch (thrown) {
    if (!isErrno(thrown, 'EBUSY')) throw thrown
    // Its way into the trash was cut off, and has to be ended first: librbd finds it by the name that it had
    await patiently(ceph, call, () => rbd.trashMove({ pool, image: name }, options))
    await restored()
  }
}

/**
 * Whether an image that its name leads to is in its place. Where its way out of the trash was cut off, so that no list has it
 * yet, that is ended, or taken back where another image is to have the name.
 */
export async function inPlace(
  ceph: Ceph,
  request: CreateRequest,
  id: string,
  options: CallOptions,
): Promise<boolean> {
  const { rbd } = ceph.connection
  const at = imageAt(request)
  if (await isListed(ceph, at, options)) return true
  if (!(await isTrashed(ceph, at.pool, id, options))) return true
  await rbd.trashRestore({ pool: at.pool, id, name: at.image }, options)
  if (request.restore !== undefined && keptImage(request.restore).id === id) return true
  await rbd.trashMove(at, options)
  return false
}

/** Destroys an image in the trash, with its snapshots; nothing where it is gone, or in its place again. */
export async function discardImage(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  const options = { signal, timeoutSeconds: 3600 }
  const { rbd } = ceph.connection
  const { poolId, id, name } = keptImage(token)
  const pool = (await listPools(ceph, options)).find(one => one.pool_id === poolId)?.pool_name
  if (pool === undefined) return
  const at = { pool, image: name }
  const aside = { pool, image: `${keptPrefix}${id}` }
  const leadsTo = async (ref: RbdImageRef) => (await orAbsent(rbd.info(ref, options)))?.id === id
  if (!(await isTrashed(ceph, pool, id, options))) {
    // Below, an earlier try was cut off between the end of the way out and the way in again
    if (!(await leadsTo(aside))) return
    await rbd.trashMove(aside, options)
  }
  const named = await leadsTo(at)
  // Listed in the trash, and in its place: a way into it that was cut off, and the image has been used since
  if (named && (await isListed(ceph, at, options))) return
  try {
    await rbd.trashRemove({ pool, id }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'EBUSY')) throw cannotYet(thrown, at, id)
    // A way out that was cut off: ended, and in again
    const out = named ? at : aside
    try {
      await rbd.trashRestore({ pool, id, name: out.image }, options)
      await rbd.trashMove(out, options)
      await rbd.trashRemove({ pool, id }, options)
    } catch (again) {
      throw cannotYet(again, at, id)
    }
  }
}

/** What is told where others need the image; any other failure as it is. */
function cannotYet(thrown: unknown, { pool, image }: RbdImageRef, id: string): unknown {
  if (!isErrno(thrown, 'EBUSY', 'ENOTEMPTY')) return thrown
  return new InfraError({
    kind: 'operation',
    code: 'ceph-held',
    message: `the kept image ${pool}/${image} (${id}) cannot be destroyed yet`,
    why: thrown.why ?? thrown.message,
    hint: 'A clone of it is still there or in the trash; that one has to go first.',
  })
}

async function isTrashed(ceph: Ceph, pool: string, id: string, options: CallOptions): Promise<boolean> {
  return (await ceph.connection.rbd.trashList({ pool }, options)).some(entry => entry.id === id)
}

async function isListed(ceph: Ceph, { pool, image }: RbdImageRef, options: CallOptions): Promise<boolean> {
  return (await ceph.connection.rbd.list({ pool }, options)).includes(image)
}
