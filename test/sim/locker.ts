/** The lock of a simulated machine: like the kernel's, it ends with the process that holds it. */
import { lockHeld } from '../../src/state/holder.js'
import type { Holder, Locker } from '../../src/state/lock.js'

export interface SimLocks {
  /** The locker of one process; processes are told apart by name. */
  of(process: string): Locker
  /** The process is gone, with its lock; its note stays. */
  kill(process: string): void
}

/** One state's lock. Nobody waits for it: what would wait is refused, as time stands still while somebody holds it. */
export function simLocks(): SimLocks {
  let owner: string | undefined
  let note: Holder | undefined
  const status = () => ({ held: owner !== undefined, note })
  return {
    of: process => ({
      async acquire(holder) {
        if (owner !== undefined) throw lockHeld(note)
        owner = process
        note = holder
        const release = async () => {
          if (owner !== process || note !== holder) return
          owner = undefined
          note = undefined
        }
        return { holder, release }
      },
      status: async () => status(),
      async unlock() {
        const found = status()
        if (!found.held) note = undefined
        return found
      },
    }),
    kill(process) {
      if (owner === process) owner = undefined
    },
  }
}
