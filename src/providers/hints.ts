/** Hints on their way from a system that tells to one who listens. */
import type { Hint } from './provider.js'

/** More than so many that nobody has taken yet are one: look at everything. */
const mostWaiting = 1000

export interface HintQueue {
  push(hint: Hint): void
  /** Ends the sequence with this error, once what waits is taken. */
  fail(error: unknown): void
  readonly hints: AsyncIterable<Hint>
}

/** A queue that ends with the signal; `ended` is told once when nobody listens any more, however that came about. */
export function hintQueue(signal: AbortSignal, ended: () => void): HintQueue {
  let waiting: Hint[] = []
  let failure: { readonly error: unknown } | undefined
  let wake = () => {}
  const stop = () => wake()
  async function* take(): AsyncGenerator<Hint> {
    signal.addEventListener('abort', stop, { once: true })
    try {
      while (!signal.aborted) {
        const taken = waiting
        waiting = []
        yield* taken
        if (waiting.length > 0 || signal.aborted) continue
        if (failure) throw failure.error
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    } finally {
      signal.removeEventListener('abort', stop)
      ended()
    }
  }
  return {
    push(hint) {
      if (waiting.length >= mostWaiting) waiting = [everything]
      else waiting.push(hint)
      wake()
    },
    fail(error) {
      failure ??= { error }
      wake()
    },
    hints: take(),
  }
}

/** Stands for hints that are too many to tell one by one. */
export const everything: Hint = { what: 'more than can be told one by one', touches: () => true }
