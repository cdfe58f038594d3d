/** Files that a crash left half written. */
import { join } from 'node:path'
import type { FileSystem } from '../model/ports.js'
import type { StatePaths } from './paths.js'

/** The names that `FileSystem.replace` gives to what it is writing. */
const temporary = /\.[0-9a-f]{12}\.tmp$/

/** Removes them. Only for who holds the lock: nobody else writes then. What cannot be removed is left for the next time. */
export async function removeLeftovers(files: FileSystem, paths: StatePaths): Promise<void> {
  for (const folder of [paths.folder, paths.generations, paths.checkpoints]) {
    const names = await files.list(folder).catch(() => [])
    const found = names.filter(name => temporary.test(name))
    await Promise.allSettled(found.map(name => files.remove(join(folder, name))))
  }
}
