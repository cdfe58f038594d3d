/**
 * A signal that aborts after so many milliseconds, whoever else holds it. Of an `AbortSignal.timeout` that only
 * `AbortSignal.any` knows of, Node 20 collects signal and timer as garbage: what it was to end then waits for ever.
 */
export function timeLimit(milliseconds: number): AbortSignal {
  const signal = AbortSignal.timeout(milliseconds)
  // A signal that somebody listens to is kept until it has aborted.
  signal.addEventListener('abort', () => undefined, { once: true })
  return signal
}
