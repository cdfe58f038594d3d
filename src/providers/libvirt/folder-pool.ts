/**
 * Files of libvirt's own folders (UEFI variables), read and written through libvirt, so that it works the same over ssh and
 * where libvirtd sees other mounts than this process: a pool is laid over the folder for as long as it takes.
 */
import { randomUUID } from 'node:crypto'
import { ask, findVolume, type Host, orAbsent } from './connection.js'
import { procedures } from './rpc/procedures/index.js'
import type { Pool } from './rpc/types.js'
import { deleteVolume, putVolume, volumeBytes } from './storage.js'
import { serializeXml } from './xml/serialize.js'
import { element, textElement } from './xml/tree.js'

/** One at a time: libvirt allows one pool a folder. */
export class FolderPools {
  #last: Promise<unknown> = Promise.resolve()

  async with<T>(
    host: Host,
    folder: string,
    signal: AbortSignal,
    work: (pool: Pool) => Promise<T>,
  ): Promise<T> {
    const mine = this.#last.then(() => this.#run(host, folder, signal, work))
    // whoever waits for it hears of its error; the next one has its turn all the same
    this.#last = mine.catch(() => undefined)
    return mine
  }

  async #run<T>(
    host: Host,
    folder: string,
    signal: AbortSignal,
    work: (pool: Pool) => Promise<T>,
  ): Promise<T> {
    const there = await orAbsent(
      ask(host, procedures.pools.lookupByPath, { path: folder }, signal),
      'NO_STORAGE_POOL',
    )
    if (there !== undefined) {
      await host.refresher.refresh(there)
      return work(there)
    }
    const xml = serializeXml(
      element(
        'pool',
        { type: 'dir' },
        textElement('name', `infra-folder-${randomUUID()}`),
        element('target', {}, textElement('path', folder)),
      ),
    )
    const pool = await ask(host, procedures.pools.create, { xml, flags: 0 }, signal)
    try {
      return await work(pool)
    } finally {
      // a pool that is not stored: it goes with libvirtd at the latest, and takes no file with it
      await host.client.call(procedures.pools.stop, { pool }).catch(() => undefined)
    }
  }
}

/** The bytes of a small file; undefined where there is none. */
export function readFile(
  host: Host,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return host.folders.with(host, folder, signal, async pool => {
    const volume = await findVolume(host, pool, name, signal)
    if (volume === undefined) return undefined
    return volumeBytes(host, volume, signal)
  })
}

/** Puts a file into a folder of the host, whichever pool has it. */
export async function writeFile(
  host: Host,
  folder: string,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await host.folders.with(host, folder, signal, pool => putVolume(host, pool, name, bytes, signal))
}

/** Removes a file; nothing happens where there is none. */
export async function removeFile(
  host: Host,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await host.folders.with(host, folder, signal, async pool => {
    const volume = await findVolume(host, pool, name, signal)
    if (volume !== undefined) await deleteVolume(host, volume, signal)
  })
}
