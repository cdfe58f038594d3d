/** Acts that were cut off: told where they are left, settled by `infra recover`. */
import { type ActRecord, actsInWords, openActs } from '../apply/act-journal.js'
import { InfraError, InfraErrors } from '../model/error.js'
import { fileError } from '../model/file-error.js'
import type { Ports } from '../model/ports.js'
import type { Session } from '../session/session.js'

export interface SettledAct {
  readonly address: string
  readonly verb: string
  readonly text: string
}

/** How and within what acts are settled. */
export interface Settling {
  readonly session: Session
  readonly direction: 'forward' | 'back'
  readonly ports: Ports
  readonly signal: AbortSignal
  tell(address: string, message: string): void
  /** Told the number of each act that has come to its end. */
  ended(act: number): void
}

/** What came of it: of each act its end, or why it is still open. */
export interface Settled {
  readonly settled: readonly SettledAct[]
  readonly errors: readonly InfraError[]
}

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

/** Told where a journal holds an act that a later version began. */
export function unknownAct(address: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'journal-newer',
    address,
    message: 'the journal tells of an act that this version of infra does not know',
    hint: 'Run `infra recover` with the version that was acting.',
  })
}

/** The errors that are infra's own, and those of files; none for anything else. */
export function errorsOf(thrown: unknown): readonly InfraError[] {
  if (thrown instanceof InfraErrors) return thrown.errors
  const error = fileError(thrown) ?? thrown
  return error instanceof InfraError ? [error] : []
}
