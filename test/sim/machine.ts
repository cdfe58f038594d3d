/** The rest of a simulated machine: a clock that only moves when everybody sleeps, and randomness from a seed. */
import type { Clock, Random } from '../../src/model/ports.js'
import type { Dice } from './dice.js'

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
}

/** Time that costs none: when nothing else is left to do, it jumps to the next sleeper. */
export function simClock(start = Date.UTC(2026, 0, 1)): Clock {
  let now = start
  let order = 0
  const sleepers: Sleeper[] = []
  const wakeNext = () => {
    sleepers.sort((a, b) => a.at - b.at || a.order - b.order)
    const next = sleepers.shift()
    if (!next) return
    now = Math.max(now, next.at)
    next.wake()
  }
  return {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const stop = () => {
          sleepers.splice(sleepers.indexOf(sleeper), 1)
          reject(signal?.reason)
        }
        const wake = () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        }
        order += 1
        const sleeper = { at: now + milliseconds, order, wake }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', stop, { once: true })
        setImmediate(wakeNext)
      }),
  }
}

export function simRandom(dice: Dice): Random {
  const hex = (length: number) => Array.from({ length }, () => dice.roll(16).toString(16)).join('')
  return {
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${dice.pick(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`,
  }
}
