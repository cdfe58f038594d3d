/** Acts that were cut off: told where they are left, settled by `infra recover`. */
import { type ActRecord, actsInWords, openActs } from '../apply/act-journal.js'
import { InfraError } from '../model/error.js'
import type { Session } from '../session/session.js'
import type { Settled, Settling } from './settling.js'

/** How acts of one kind are settled. */
interface Settler {
  /** What settling them would do, in words. Fails where there is no such way for one of them. */
  waysOf(acts: readonly ActRecord[], direction: 'forward' | 'back'): Promise<readonly string[]>
  /** Settles all of them. One that fails hides no other. */
  settleActs(acts: readonly ActRecord[], settling: Settling): Promise<Settled>
}

const clusterVerbs: readonly unknown[] = ['extend', 'backup', 'restore']

/** The acts of one journal are those of one command. */
export async function settlerOf([first]: readonly ActRecord[]): Promise<Settler> {
  return clusterVerbs.includes(first?.what.verb)
    ? import('./clusters/open-acts.js')
    : import('./hosts/open-acts.js')
}

/** The error beside the one that cut an act off; undefined where every act has come to an end that is known. */
export async function actLeftOpen(session: Session): Promise<InfraError | undefined> {
  const open = openActs((await session.openJournal())?.records ?? [])
  const [first, second] = open
  if (first === undefined) return undefined
  return new InfraError({
    kind: 'operation',
    code: 'act-open',
    ...(second === undefined && { address: first.address }),
    message: 'what was begun did not come to an end that is known; its journal stays',
    why: `open: ${actsInWords(open)}`,
    hint: '`infra recover --forward` or `infra recover --back` settles it.',
  })
}
