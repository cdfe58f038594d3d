/** A volume cloned from a snapshot, and a volume's size. Both are proved by reading back. */
import { InfraError } from '../../../model/error.js'
import type { Call } from '../../provider.js'
import type { Ceph } from '../ask.js'
import { cloneVolume, type Source } from '../volumes/clone.js'
import type { Place } from '../volumes/place.js'
import { volumeState } from '../volumes/read.js'
import { resizeVolume } from '../volumes/write.js'
import { noVolume, type VolumeDetails, volumeDetails } from './volumes.js'

/** Clones a snapshot to a new volume and waits for it. */
export async function cloneSnapshot(
  ceph: Ceph,
  source: Source,
  place: Place,
  call: Call,
): Promise<VolumeDetails> {
  const options = { signal: call.signal }
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'absent') {
    throw new InfraError({
      kind: 'operation',
      code: 'ceph-exists',
      message: `there is a volume ${place.volume} already`,
      hint: 'Choose another name.',
    })
  }
  await cloneVolume(ceph, source, place, undefined, call)
  return volumeDetails(ceph, place, options)
}

/** Sets a volume's size: bytes, or `infinite`. Refused where more is used. */
export async function changeSize(
  ceph: Ceph,
  place: Place,
  size: number | 'infinite',
  call: Call,
): Promise<VolumeDetails> {
  const options = { signal: call.signal }
  const state = await volumeState(ceph, place, options)
  if (state.is !== 'live') throw noVolume(place)
  await resizeVolume(ceph, place, size, state.info.bytes_used, options)
  const details = await volumeDetails(ceph, place, options)
  if (details.size === size) return details
  throw new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `the manager reported the size as set, but it is ${details.size}`,
    hint: 'Somebody else may be changing it at the same time.',
  })
}
