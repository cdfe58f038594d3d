/** Images: the verbs of RbdImage. */
import type { Target, Unmanaged } from '../../provider.js'
import type { Ceph } from '../ask.js'
import type { Handler } from '../handler.js'
import { ownerKey } from '../tags.js'
import { allRead, observeImages, poolsOf, readAll } from './read.js'
import { deleteImage } from './remove.js'
import { discardImage } from './trash.js'
import { createImage, updateImage } from './write.js'

export const images: Handler = {
  observe: observeImages,
  create: createImage,
  update: updateImage,
  delete: deleteImage,
  discard: discardImage,
  unmanaged,
}

async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const known = new Set(targets.map(target => `${String(target.spec.pool)}/${target.name}`))
  const found = await Promise.all(
    [...poolsOf(targets).keys()].map(async pool => {
      const read = await readAll(ceph, pool, name => !known.has(`${pool}/${name}`), { signal })
      return allRead(read)
        .filter(info => info.metadata[ownerKey] === undefined)
        .map(info => ({
          kind: 'RbdImage',
          name: info.name,
          identity: { id: info.id },
          place: `in pool ${pool}`,
        }))
    }),
  )
  return found.flat()
}
