/**
 * Histories of a simulated machine, each drawn from a seed: stacks are applied, rolled back, edited and pruned while processes
 * are killed, power is lost, disks refuse and systems below fail, hang, do half or are lost. After each, what must hold, holds.
 *
 *     npx vitest run --project crash test/sim/history.crash.test.ts              fixed seeds and fresh ones
 *     SEED=123 npx vitest run --project crash test/sim/history.crash.test.ts     one history
 *     MINUTES=60 npx vitest run --project crash test/sim/history.crash.test.ts   fresh seeds for as long
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Allowed, type History, histories } from './draw.js'
import { runHistory, type Told } from './history.js'

const file = 'test/sim/history.crash.test.ts'
const { SEED, MINUTES, HISTORIES, CI } = process.env

/** Draws the history of a seed, runs it, and makes it small where it fails. */
async function replay(seed: number, allowed: Allowed, sum: Told): Promise<void> {
  const property = fc.asyncProperty(histories(allowed), async (history: History) => {
    const told = await runHistory(history)
    sum.processes += told.processes
    sum.points += told.points
    sum.crashes.push(...told.crashes)
    for (const key of ['applied', 'rolled-back', 'stopped', 'none'] as const)
      sum.settled[key] += told.settled[key]
    for (const [code, count] of told.refused) sum.refused.set(code, (sum.refused.get(code) ?? 0) + count)
  })
  const found = await fc.check(property, {
    seed,
    numRuns: 1,
    maxSkipsPerRun: 0,
    interruptAfterTimeLimit: 60_000,
  })
  if (!found.failed) return
  const example = JSON.stringify(found.counterexample?.[0])
  throw new Error(
    `SEED=${seed} npx vitest run --project crash ${file}\n${String(found.errorInstance)}\nmade small: ${example}`,
    { cause: found.errorInstance },
  )
}

/**
 * Fixed seeds, then fresh ones, until there were enough or the time is up. With CI=true all are fixed: a change is judged by what it
 * changed.
 */
function* seeds(fixed: number, fresh: number): Generator<number> {
  if (SEED !== undefined) {
    yield Number(SEED)
    return
  }
  const until = MINUTES === undefined ? undefined : Date.now() + Number(MINUTES) * 60_000
  for (let seed = 1; seed <= fixed; seed += 1) yield seed
  for (let count = 0; until === undefined ? count < fresh : Date.now() < until; count += 1)
    yield CI === 'true' ? fixed + count + 1 : Math.trunc(Math.random() * 2 ** 31)
}

const factor = Number(HISTORIES ?? 1)
const limit = 170_000 + Number(MINUTES ?? 0) * 60_000 * 3

describe('histories', () => {
  const table: readonly { name: string; allowed: Allowed; fixed: number; fresh: number }[] = [
    { name: 'of honest systems', allowed: { lies: false, outsiders: false }, fixed: 300, fresh: 200 },
    { name: 'with somebody else', allowed: { lies: false, outsiders: true }, fixed: 100, fresh: 50 },
    { name: 'with reads that lie', allowed: { lies: true, outsiders: false }, fixed: 100, fresh: 50 },
  ]
  it.each(table)(
    '$name lose nothing',
    async ({ name, allowed, fixed, fresh }) => {
      const settled = { applied: 0, 'rolled-back': 0, stopped: 0, none: 0 }
      const sum: Told = { processes: 0, points: 0, crashes: [], settled, refused: new Map() }
      let count = 0
      for (const seed of seeds(fixed * factor, fresh * factor)) {
        await replay(seed, allowed, sum)
        count += 1
      }
      const ends = Object.entries(sum.settled).map(([how, times]) => `${times} ${how}`)
      process.stdout.write(
        `histories ${name}: ${count}, with ${sum.processes} processes, ${sum.crashes.length} crashes, ${sum.points} points; rounds ${ends.join(', ')}\n`,
      )
      if (SEED === undefined) expect(sum.crashes.length).toBeGreaterThan(count / 4)
    },
    limit,
  )
})
