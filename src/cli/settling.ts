/** Settling several acts that were cut off: each comes to its own end, and is told. */
import type { ActRecord } from '../apply/act-journal.js'
import { InfraError, InfraErrors } from '../model/error.js'
import { fileError } from '../model/file-error.js'
import type { Ports } from '../model/ports.js'
import { inTurns } from '../providers/libvirt/acts/each.js'
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

/** Settles them, some at once. One that fails hides no other; what infra did not raise on purpose goes on. */
export async function settledBy(
  acts: readonly ActRecord[],
  { ended }: Pick<Settling, 'ended'>,
  settle: (act: ActRecord) => Promise<string>,
): Promise<Settled> {
  const all = await inTurns(acts, async (act): Promise<Settled> => {
    try {
      const text = await settle(act)
      ended(act.act)
      return { settled: [{ address: act.address, verb: String(act.what.verb), text }], errors: [] }
    } catch (error) {
      const errors = errorsOf(error)
      if (errors.length === 0) throw error
      return { settled: [], errors }
    }
  })
  return { settled: all.flatMap(one => one.settled), errors: all.flatMap(one => one.errors) }
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
