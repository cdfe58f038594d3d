/** A process that is begun anew where the last one has died: one that is gone must not fail every call after it. */

export interface Renewed<T> {
  /** The one that lives. Of many that find it dead, the first begins the next. Fails as `begin` does, and the next call tries again. */
  get(signal: AbortSignal): Promise<T>
  /** The last one; undefined where none could be begun. */
  last(): Promise<T | undefined>
}

export function renewed<T extends { readonly alive: boolean }>(
  begin: (signal: AbortSignal) => Promise<T>,
): Renewed<T> {
  let current: Promise<T> | undefined
  // one that could not be begun is begun anew, and fails again where it must
  const settled = (one: Promise<T> | undefined) => one?.catch(() => undefined)
  return {
    async get(signal) {
      const last = current
      const found = await settled(last)
      if (found?.alive) return found
      if (current !== undefined && current !== last) return current
      const next = begin(signal)
      current = next
      return next
    },
    last: async () => settled(current),
  }
}
