/** What a crash left: files half written, and entries that only the running system knows of. */
import { join } from 'node:path'
import type { FileSystem } from '../model/ports.js'
import type { StatePaths } from './paths.js'
import { storageError } from './storage-error.js'

/** The names that `FileSystem.replace` gives to what it is writing. */
const temporary = /\.[0-9a-f]{12}\.tmp$/

/**
 * Removes what is half written, and makes durable what is whole: after a kill, files are seen whose renames no disk has yet,
 * and what is built on them must not outlive them. Only for who holds the lock: nobody else writes then. What cannot be
 * removed is left for the next time.
 */
export async function settleFolders(files: FileSystem, paths: StatePaths): Promise<void> {
  for (const folder of [paths.generations, paths.checkpoints, paths.folder]) {
    const names = await files.list(folder).catch(() => [])
    const found = names.filter(name => temporary.test(name))
    await Promise.allSettled(found.map(name => files.remove(join(folder, name))))
    try {
      await files.syncFolder(folder)
    } catch (error) {
      throw storageError(error, { message: `what lies in ${folder} cannot be made durable` })
    }
  }
}
