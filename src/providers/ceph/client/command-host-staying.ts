/** The process that stays where the ceph client is: started when it is first needed, and anew where it has died. */
import { type CommandHost, NoHost, NotLetIn } from './command-host.js'
import { notConnected } from './not-connected.js'
import type { Access } from './settings.js'

export interface StayingHost {
  /** Undefined where there can be none. Fails with an InfraError where the cluster lets nobody in, or with the signal's reason. */
  get(signal: AbortSignal): Promise<CommandHost | undefined>
  end(): void
}

export function stayingHost(
  start: (signal: AbortSignal) => Promise<CommandHost>,
  access: Access,
): StayingHost {
  const closing = new AbortController()
  let current: CommandHost | undefined
  let starting: Promise<CommandHost | undefined> | undefined
  let possible = true

  const begin = async () => {
    try {
      current = await start(closing.signal)
      return current
    } catch (thrown) {
      if (thrown instanceof NotLetIn)
        throw notConnected(access, { errno: thrown.errno, words: thrown.message })
      if (!(thrown instanceof NoHost)) throw thrown
      possible = false
      return undefined
    } finally {
      starting = undefined
    }
  }
  return {
    async get(signal) {
      signal.throwIfAborted()
      if (!possible) return undefined
      if (current?.alive) return current
      starting ??= begin()
      return unlessAborted(starting, signal)
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
