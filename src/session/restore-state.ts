/** Restoring an earlier generation of the state: works where the state itself cannot be read. */
import { readJournal } from '../apply/journal.js'
import { InfraError } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { StateDocument } from '../state/document.js'
import { acquireLock, type Holder } from '../state/lock.js'
import { openStore } from '../state/store.js'

export interface Restorer {
  /** Serials of the generations, newest first. */
  generations(): Promise<readonly number[]>
  /** Makes a generation the state again, with the lock held. Refused while an apply is not settled. */
  restore(serial: number, holder: Omit<Holder, 'since'>): Promise<StateDocument>
}

/** Restores generations of the state in a folder; reads nothing before it is asked. */
export function restorerAt({ files, clock }: Pick<Ports, 'files' | 'clock'>, folder: string): Restorer {
  const store = openStore(files, folder)
  return {
    generations: () => store.generations(),
    async restore(serial, holder) {
      const lock = await acquireLock(files, folder, { ...holder, since: clock.now() })
      try {
        if (await readJournal(files, folder)) {
          throw new InfraError({
            kind: 'operation',
            code: 'journal-open',
            message:
              'an apply was cut off and is not settled, and its journal belongs to the state that is there',
            hint: '`infra recover --back` or `infra recover --forward` first.',
          })
        }
        return await store.restore(serial)
      } finally {
        await lock.release()
      }
    },
  }
}
