/**
 * What a pool will find in its folder once it is made. Libvirt tells nothing of a folder that no pool has, so that it is known
 * only where libvirtd sees the same files as we do, on this machine or by ssh, and they are ours to read.
 */
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
  const names = await host.files.names(folder, signal)
  if (names === undefined) return undefined
  if (names.length === 0 && (await host.files.names(libvirtsOwn, signal))?.length === 0) return undefined
  // a socket can lead anywhere: into a container, or through a tunnel to another machine
  const [theirs, ours] = await Promise.all([
    ask(host, procedures.connect.hostname, undefined, signal),
    host.files.machine(signal),
  ])
  return ours !== undefined && short(theirs) === short(ours) ? names : undefined
}

/** libvirt tells the name with its domain where it finds one. */
function short(name: string): string {
  return name.split('.', 1)[0] ?? name
}
