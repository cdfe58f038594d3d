/** Acts that were cut off: told where they are left, settled by `infra recover`. */
import { type ActRecord, openActs } from '../apply/act-journal.js'
import { InfraError, InfraErrors } from '../model/error.js'
import type { Ports } from '../model/ports.js'
import type { Session } from '../session/session.js'

export interface SettledAct {
  readonly address: string
  readonly verb: string
  readonly text: string
}

/** How acts of one kind are settled. */
interface Settler {
  /** What settling them would do, in words. Fails where there is no such way for one of them. */
  waysOf(acts: readonly ActRecord[], direction: 'forward' | 'back'): readonly string[]
  settleActs(
    session: Session,
    acts: readonly ActRecord[],
    direction: 'forward' | 'back',
    ports: Ports,
    tell: (address: string, message: string) => void,
    signal: AbortSignal,
  ): Promise<readonly SettledAct[]>
}

/** The acts of one journal are those of one command. */
export async function settlerOf([first]: readonly ActRecord[]): Promise<Settler> {
  return first?.what.verb === 'migrate' ? import('./hosts/open-moves.js') : import('./clusters/open-acts.js')
}

/** The error beside the one that cut an act off; undefined where every act has come to an end that is known. */
export async function actLeftOpen(session: Session): Promise<InfraError | undefined> {
  const [first] = openActs((await session.openJournal())?.records ?? [])
  if (first === undefined) return undefined
  return new InfraError({
    kind: 'operation',
    code: 'act-open',
    address: first.address,
    message: 'what was begun did not come to an end that is known; its journal stays',
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

/** The errors that are infra's own; none for anything else. */
export function errorsOf(error: unknown): readonly InfraError[] {
  if (error instanceof InfraErrors) return error.errors
  return error instanceof InfraError ? [error] : []
}
