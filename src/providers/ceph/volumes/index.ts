/** Volumes: the verbs of CephVolume and CephClone. */
import type { Target, Unmanaged } from '../../provider.js'
import type { Ceph } from '../ask.js'
import { servedFilesystems } from '../filesystems/served.js'
import { groupBy, type Handler } from '../handler.js'
import { ownerKey } from '../tags.js'
import { placeOf } from './place.js'
import { observeVolumes, volumeMetadata, volumeNames, volumeState } from './read.js'
import { deleteVolume, discardVolume } from './remove.js'
import { createVolume, updateVolume } from './write.js'

export const volumes: Handler = {
  observe: observeVolumes,
  create: createVolume,
  update: updateVolume,
  delete: deleteVolume,
  discard: discardVolume,
  unmanaged,
}

/** Volumes without a tag, in the groups that targets are in. */
async function unmanaged(ceph: Ceph, targets: readonly Target[], signal: AbortSignal): Promise<Unmanaged[]> {
  const options = { signal }
  const groups = groupBy(targets, target =>
    JSON.stringify([target.spec.filesystem, target.spec.group ?? null]),
  )
  const served = await servedFilesystems(ceph, options)
  const found = await Promise.all(
    [...groups.values()].map(async inGroup => {
      const [first] = inGroup
      if (!first) return []
      const { filesystem, group } = placeOf(first)
      if (!served(filesystem)) return []
      const known = new Set(inGroup.map(target => target.name))
      const names = (await volumeNames(ceph, filesystem, group, options)).filter(name => !known.has(name))
      return Promise.all(names.map(volume => untagged(ceph, { filesystem, group, volume }, options)))
    }),
  )
  return found.flat().filter(one => one !== undefined)
}

async function untagged(
  ceph: Ceph,
  place: ReturnType<typeof placeOf>,
  options: { readonly signal: AbortSignal },
): Promise<Unmanaged | undefined> {
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'live') return undefined
  const metadata = await volumeMetadata(ceph, place, options)
  if (metadata[ownerKey] !== undefined) return undefined
  const where = [place.filesystem, place.group].filter(part => part !== undefined).join('/')
  return { kind: 'CephVolume', name: place.volume, identity: { path: state.info.path }, place: `in ${where}` }
}
