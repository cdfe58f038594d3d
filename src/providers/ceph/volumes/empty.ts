/** Whether a volume holds nothing of anybody's. */
import { InfraError } from '../../../model/error.js'
import type { Ceph } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import type { Place } from './place.js'
import type { VolumeJson } from './read.js'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** What the manager notes about a volume, in the volume's own folder. */
const note = /^\.meta(\.tmp)?$/

/**
 * Whether there is no byte in it, or only what a manager writes that makes a volume: a note, and an empty folder named by a
 * UUID. One that was killed over it leaves them, and the next one takes them for the volume's content.
 */
export async function isEmpty(
  ceph: Ceph,
  { filesystem }: Place,
  { bytes_used, path }: Pick<VolumeJson, 'bytes_used' | 'path'>,
  options: CallOptions,
): Promise<boolean> {
  if (bytes_used === 0) return true
  const namesIn = (folder: string) => ceph.connection.files.names({ filesystem, path: folder }, options)
  try {
    const names = await namesIn(path)
    if (!names.every(name => note.test(name) || uuid.test(name))) return false
    const folders = names.filter(name => uuid.test(name))
    const inside = await Promise.all(folders.map(name => namesIn(`${path}/${name}`)))
    return inside.every(list => list.length === 0)
  } catch (thrown) {
    // Without libcephfs, or without rights to look, nobody knows: it holds something then
    if (thrown instanceof InfraError) return false
    throw thrown
  }
}
