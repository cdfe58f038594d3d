/** One listener on each signal, however many wait for it: a thousand calls under way share one signal. */
export class Aborts {
  readonly #waiting = new Map<AbortSignal, Set<() => void>>()

  /** Calls back when the signal is aborted. Returns what takes that back. */
  on(signal: AbortSignal | undefined, listener: () => void): () => void {
    if (signal === undefined) return () => undefined
    const entry = this.#waiting.get(signal) ?? this.#add(signal)
    entry.add(listener)
    return () => {
      entry.delete(listener)
      if (entry.size > 0 || this.#waiting.get(signal) !== entry) return
      this.#waiting.delete(signal)
      signal.removeEventListener('abort', this.#aborted)
    }
  }

  readonly #aborted = (event: Event): void => {
    const signal = event.target as AbortSignal
    const listeners = this.#waiting.get(signal)
    this.#waiting.delete(signal)
    for (const listener of listeners ?? []) listener()
  }

  #add(signal: AbortSignal): Set<() => void> {
    const entry = new Set<() => void>()
    this.#waiting.set(signal, entry)
    signal.addEventListener('abort', this.#aborted, { once: true })
    return entry
  }
}
