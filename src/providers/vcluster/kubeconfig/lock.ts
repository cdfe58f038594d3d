/** The lock that kubectl and its like take on a kubeconfig: a file beside it, which only one of them can make. */
import { open, rm, stat } from 'node:fs/promises'
import { InfraError } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'

/** How long others are waited for, who hold it for milliseconds, and how often it is tried, milliseconds. */
const patience = 5_000
const turn = 100

/**
 * Does the work under the lock, which is gone afterwards, whatever happened. Fails with `kubeconfig-locked` where somebody else
 * keeps it: a program that was killed leaves it behind, and nobody can tell that from one that is at work.
 */
export async function underLock<T>(
  file: string,
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const lock = `${file}.lock`
  for (let waited = 0; !(await make(lock)); waited += turn) {
    if (waited >= patience) throw locked(file, lock, await madeAt(lock))
    await clock.sleep(turn, signal)
  }
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

/** False where there is one. */
async function make(lock: string): Promise<boolean> {
  try {
    const made = await open(lock, 'wx', 0o600)
    await made.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function madeAt(lock: string): Promise<string> {
  try {
    return ` since ${(await stat(lock)).mtime.toISOString()}`
  } catch {
    // it has just gone, or may not be looked at
    return ''
  }
}

function locked(file: string, lock: string, since: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'kubeconfig-locked',
    message: `${file} is locked, and nothing was written.`,
    why: `${lock} is there${since}: kubectl or its like is writing the file, or was killed while it did`,
    hint: `Try again; where nobody is at work, remove it: rm ${lock}`,
  })
}
