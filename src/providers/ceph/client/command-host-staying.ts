/** The process that stays where the ceph client is: started when it is first needed, and anew where it has died. */
import { type CommandHost, NoHost, NotLetIn } from './command-host.js'
import { notConnected } from './not-connected.js'
import type { Access } from './settings.js'

export interface StayingHost {
  /**
   * Undefined where there is none: where there can be none, or while a start that failed is tried again. Fails with an
   * InfraError where the cluster lets nobody in, or with the signal's reason.
   */
  get(signal: AbortSignal): Promise<CommandHost | undefined>
  end(): void
}

/** After a failed start so many questions are asked without, and after each further one twice as many, up to the most. */
const firstPause = 2
const longestPause = 64

/** `start` fails with a NoHost, a NotLetIn or its signal's reason. */
export function stayingHost(
  start: (signal: AbortSignal) => Promise<CommandHost>,
  access: Access,
): StayingHost {
  const closing = new AbortController()
  let current: CommandHost | undefined
  let starting: Promise<CommandHost | undefined> | undefined
  let possible = true
  /** Undefined while the last start has not failed. */
  let pause: number | undefined
  let left = 0

  const begin = async () => {
    try {
      current = await start(closing.signal)
      pause = undefined
      return current
    } catch (thrown) {
      const again = pause !== undefined
      if (thrown instanceof NotLetIn && !again)
        throw notConnected(access, { errno: thrown.errno, words: thrown.message })
      if (!(thrown instanceof NoHost || thrown instanceof NotLetIn)) throw thrown
      possible = !(thrown instanceof NoHost && thrown.lasting)
      pause = pause === undefined ? firstPause : Math.min(longestPause, 2 * pause)
      left = pause
      return undefined
    } finally {
      starting = undefined
    }
  }
  return {
    async get(signal) {
      signal.throwIfAborted()
      if (current?.alive) return current
      if (!possible) return undefined
      if (pause === undefined) {
        starting ??= begin()
        return unlessAborted(starting, signal)
      }
      // Tried again beside the questions: none waits for what may fail again
      if (left === 0 && !starting) {
        starting = begin()
        // only the end of the connection is thrown here, and nobody waits for it
        starting.catch(() => undefined)
      } else if (left > 0) left -= 1
      return undefined
    },
    end() {
      closing.abort(new Error('the connection to Ceph was closed'))
      current?.end()
    },
  }
}

/** The promise, or before it the signal's reason: others wait for the same. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const own = AbortSignal.any([signal])
    const aborted = () => reject(signal.reason)
    own.addEventListener('abort', aborted, { once: true })
    promise.then(resolve, reject).finally(() => own.removeEventListener('abort', aborted))
  })
}
