/** Deleting images: they go to the pool's trash, and are destroyed when what was kept is discarded. */

import { InfraError } from '../../../model/error.js'
import type { Json } from '../../../model/value.js'
import type { Call, DeleteRequest } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions, RbdImageRef } from '../client/connection.js'
import { isErrno, orAbsent } from '../client/error.js'
import type { Token } from '../handler.js'
import { listPools } from '../pools/read.js'
import { checkSame, held } from '../refuse.js'
import { imageAt, readAll } from './read.js'

interface KeptImage {
  readonly kind: 'RbdImage'
  /** The pool by number: it may be kept under another name itself. */
  readonly poolId: number
  readonly id: string
  readonly name: string
}

export const keptImage = (token: Json) => token as unknown as KeptImage

export async function deleteImage(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const { rbd } = ceph.connection
  const at = imageAt(request)
  const info = await orAbsent(rbd.info(at, options))
  if (!info) return clearRemains(ceph, at, options)
  checkSame(request, { id: info.id }, 'id')
  const [children, watchers, pools] = await Promise.all([
    rbd.children(at, options),
    watchersThatStay(ceph, at, call),
    listPools(ceph, options),
  ])
  const clones = children.filter(child => !child.trash).map(child => `its clone ${child.pool}/${child.image}`)
  if (clones.length > 0) throw held(request, clones, 'Delete or flatten the clones first.')
  if (watchers.length > 0) {
    throw held(
      request,
      watchers.map(address => `the client at ${address}`),
      'Stop what uses it: a machine, a mapping.',
    )
  }
  const poolId = pools.find(pool => pool.pool_name === at.pool)?.pool_id ?? -1
  await call.keep({ kind: 'RbdImage', poolId, id: info.id, name: request.name })
  await rbd.trashMove(at, options)
}

/** Takes away the name that a create which was cut off has left of an image, where there is one. There is no data behind it. */
export async function clearRemains(ceph: Ceph, at: RbdImageRef, options: CallOptions): Promise<void> {
  const { remains } = await readAll(ceph, at.pool, name => name === at.image, options)
  if (remains.length > 0) await orAbsent(ceph.connection.rbd.removeRemains(at, options))
}

/** Ceph takes a client that has died for alive so long: osd_client_watch_timeout, which is 30 by default, and some more. */
const deadWatchSeconds = 35

/** Who uses an image. One that was killed is still listed for half a minute: infra itself, cut off, would be in its own way. */
async function watchersThatStay(ceph: Ceph, at: RbdImageRef, call: Call): Promise<readonly string[]> {
  const { rbd } = ceph.connection
  for (let waited = 0; ; waited += 1) {
    const watchers = await rbd.watchers(at, { signal: call.signal })
    if (watchers.length === 0 || waited >= deadWatchSeconds) return watchers
    call.progress(`in use by the client at ${watchers.join(', ')}; waits until that is surely no dead one`)
    await ceph.clock.sleep(1000, call.signal)
  }
}

/** Destroys an image in the trash, with its snapshots. */
export async function discardImage(ceph: Ceph, token: Token, signal: AbortSignal): Promise<void> {
  const options = { signal, timeoutSeconds: 3600 }
  const { rbd } = ceph.connection
  const { poolId, id, name } = keptImage(token)
  const pool = (await listPools(ceph, options)).find(one => one.pool_id === poolId)?.pool_name
  if (pool === undefined) return
  const entries = await rbd.trashList({ pool }, options)
  if (!entries.some(entry => entry.id === id)) return
  // Listed there already, and still in its place: a way into the trash that was cut off, and the image has been used since
  if ((await orAbsent(rbd.info({ pool, image: name }, options)))?.id === id) return
  try {
    await rbd.trashRemove({ pool, id }, options)
  } catch (thrown) {
    if (!isErrno(thrown, 'EBUSY', 'ENOTEMPTY')) throw thrown
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-held',
      message: `the kept image ${pool}/${name} (${id}) cannot be destroyed yet`,
      why: thrown.why ?? thrown.message,
      hint: 'A clone of it is still there or in the trash; that one has to go first.',
    })
  }
}
