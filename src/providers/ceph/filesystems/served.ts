/** Which file systems the manager can be asked about. Where nothing serves one it would wait, and all that ask it. */
import type { Ceph } from '../ask.js'
import type { CallOptions } from '../client/connection.js'
import { CephError } from '../client/error.js'
import { activeServers, type FilesystemMap, findFilesystem, readFilesystems } from './read.js'

/** Tells whether a file system is there. Fails where it is, and no metadata server serves it. One call to the monitors. */
export async function servedFilesystems(
  ceph: Ceph,
  options: CallOptions,
): Promise<(filesystem: string) => boolean> {
  const map = await readFilesystems(ceph, options)
  return name => isServed(map, name)
}

/** Whether a file system is there. Fails where it is, and no metadata server serves it. */
export function isServed(map: FilesystemMap, name: string): boolean {
  const fs = findFilesystem(map, name)
  if (fs && activeServers(fs) === 0) {
    throw new CephError(`volumes of ${name}`, 107, `no metadata server serves the file system ${name}`)
  }
  return fs !== undefined
}
