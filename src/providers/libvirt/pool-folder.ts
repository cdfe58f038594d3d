/**
 * What a pool will find in its folder once it is made. Libvirt tells nothing of a folder that no pool has, so that it is known
 * only where libvirtd sees the same files as this machine, and they are ours to read.
 */
import { hostname } from 'node:os'
import { ask, type Host } from './connection.js'
import { procedures } from './rpc/procedures/index.js'

/** What libvirtd makes where it starts: where it is not seen, libvirtd's files are not those that are seen here. */
const libvirtsOwn = '/var/lib/libvirt'

/** Names in the folder, none where it is not there yet; undefined where that cannot be known. */
export async function folderOfPool(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const names = await host.files.names(folder)
  if (names === undefined) return undefined
  if (names.length === 0 && (await host.files.names(libvirtsOwn))?.length === 0) return undefined
  // a socket can lead anywhere: into a container, or through a tunnel to another machine
  const theirs = await ask(host, procedures.connect.hostname, undefined, signal)
  return short(theirs) === short(hostname()) ? names : undefined
}

/** libvirt tells the name with its domain where it finds one. */
function short(name: string): string {
  return name.split('.', 1)[0] ?? name
}
