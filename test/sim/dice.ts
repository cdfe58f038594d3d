/** Chance from a seed: the same seed, the same history. */

export interface Dice {
  /** A whole number from 0 up to, without, `below`. */
  roll(below: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

export function seededDice(seed: number): Dice {
  let state = seed >>> 0
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    roll: below => Math.floor(next() * below),
    chance: probability => next() < probability,
    pick: items => items[Math.floor(next() * items.length)] as (typeof items)[number],
  }
}
