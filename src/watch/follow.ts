/** One connection of its own for what a system tells as it happens: opened, listened to, opened anew when it is lost. */
import { InfraError, messageOf } from '../model/error.js'
import type { Clock } from '../model/ports.js'
import type { Hint, Provider } from '../providers/provider.js'

export interface Follower {
  readonly clock: Clock
  open(): Promise<Provider>
  /** It is heard from now on. Tells whether it was blind before. */
  sees(again: boolean): void
  /** The system cannot tell. */
  cannotTell(): void
  /** It is not heard, and asked again after so many milliseconds. */
  blind(why: string, retryMilliseconds: number): void
  hint(hint: Hint): void
}

const firstPause = 1000
const longestPause = 60_000
/** A watch that held for so long was a good one: the next loss starts with a short pause again. */
const goodFor = 60_000

/** Follows until the signal. Rejects only for what is a defect. */
export async function follow(follower: Follower, signal: AbortSignal): Promise<void> {
  const { clock } = follower
  let pause = firstPause
  let wasBlind = false
  while (!signal.aborted) {
    let provider: Provider | undefined
    let began: number | undefined
    try {
      provider = await follower.open()
      if (!provider.watch) {
        follower.cannotTell()
        return
      }
      const hints = await provider.watch(signal)
      began = clock.now()
      follower.sees(wasBlind)
      wasBlind = false
      for await (const hint of hints) follower.hint(hint)
      if (signal.aborted) return
      throw new InfraError({ kind: 'connection', code: 'watch-ended', message: 'the system ended the watch' })
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof InfraError)) throw error
      if (began !== undefined && clock.now() - began >= goodFor) pause = firstPause
      wasBlind = true
      follower.blind(error.why ? `${messageOf(error)}: ${error.why}` : messageOf(error), pause)
    } finally {
      // what ended the watch has been told; a connection that is lost cannot be closed
      await provider?.close().catch(() => undefined)
    }
    await clock.sleep(pause, signal).catch(() => undefined)
    pause = Math.min(longestPause, pause * 2)
  }
}
