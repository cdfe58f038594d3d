/** Deleting images: they go to the pool's trash. */
import type { Call, DeleteRequest } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { CallOptions, RbdImageRef } from '../client/connection.js'
import { orAbsent } from '../client/error.js'
import { listPools } from '../pools/read.js'
import { checkSame, held } from '../refuse.js'
import { imageAt, readAll } from './read.js'
import type { KeptImage } from './trash.js'

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
  await call.keep({ kind: 'RbdImage', poolId, id: info.id, name: request.name } satisfies KeptImage)
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
