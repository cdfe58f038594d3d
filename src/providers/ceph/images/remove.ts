/** Deleting images: they go to the pool's trash. */
import type { Call, DeleteRequest } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { RbdImageRef } from '../client/connection.js'
import { orAbsent } from '../client/error.js'
import { listPools } from '../pools/read.js'
import { checkSame, held } from '../refuse.js'
import { allRead, imageAt, readAll } from './read.js'
import { deadWatchSeconds, type KeptImage, patiently } from './trash.js'

export async function deleteImage(ceph: Ceph, request: DeleteRequest, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const { rbd } = ceph.connection
  const at = imageAt(request)
  const info = await orAbsent(rbd.info(at, options))
  if (!info) return clearRemains(ceph, at, call)
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
  await call.keep({ kind: 'RbdImage', poolId, id: info.id, name: request.name } satisfies KeptImage)
  await rbd.trashMove(at, options)
}

/**
 * Takes away a name that is listed and leads to nothing, where there is one. A create that was cut off leaves it: there is no
 * data behind it then. A way into the trash that was cut off leaves it, too, and that is ended: librbd's remove would find
 * the image by the list and destroy it.
 */
export async function clearRemains(ceph: Ceph, at: RbdImageRef, call: Call): Promise<void> {
  const options = { signal: call.signal }
  const { rbd } = ceph.connection
  const { pool, image } = at
  const read = await readAll(ceph, pool, name => name === image, options)
  allRead(read)
  const { remains } = read
  if (remains.length === 0) return
  const trashed = await rbd.trashList({ pool }, options)
  if (!trashed.some(entry => entry.name === image)) {
    await orAbsent(patiently(ceph, call, () => rbd.removeRemains(at, options)))
    return
  }
  await orAbsent(patiently(ceph, call, () => rbd.trashMove(at, options)))
  // Another of that name lay in the trash already, and the name was a create's: what that left is in the trash now
  const known = new Set(trashed.map(entry => entry.id))
  const fresh = (await rbd.trashList({ pool }, options)).filter(({ id }) => !known.has(id))
  for (const { id, name } of fresh) if (name === image) await rbd.trashRemove({ pool, id }, options)
}

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
