/** Connecting to one libvirt, and finding out what is there. */
import type { Ports } from '../../model/ports.js'
import type { Keeper } from '../provider.js'
import type { Host } from './connection.js'
import { FolderPools } from './folder-pool.js'
import { hostFiles } from './host-files.js'
import { imageCache } from './image/cache.js'
import { KeptMachines } from './kept-machines.js'
import { Refresher } from './refresh.js'
import { Client } from './rpc/client.js'
import { procedures } from './rpc/procedures/index.js'
import { Turns } from './turns.js'
import { Usage } from './usage.js'

export interface HostRequest {
  readonly uri: string
  readonly folder: string
  /** Folder of downloaded images. */
  readonly imageCache: string
  readonly keeper?: Keeper | undefined
}

/** Connects, and finds out what is there. */
export async function openHost(request: HostRequest, ports: Ports, signal: AbortSignal): Promise<Host> {
  const client = new Client(request.uri)
  const machines = new KeptMachines(request.keeper)
  // read while the connection is made
  void machines.rows()
  try {
    const version = await client.call(procedures.connect.libraryVersion, undefined, { signal })
    return {
      client,
      ports,
      files: hostFiles(client.uri),
      refresher: new Refresher(client),
      folders: new FolderPools(),
      usage: new Usage(),
      turns: new Turns(),
      images: imageCache({
        folder: request.imageCache,
        stackFolder: request.folder,
        fetch: (url, init) => fetch(url, init),
        clock: ports.clock,
      }),
      machines,
      folder: request.folder,
      version,
    }
  } catch (error) {
    await client.close()
    throw error
  }
}
