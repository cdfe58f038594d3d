/** The driver as a test: a few rounds of each fault, in minutes. */
import { afterAll, describe, expect, test } from 'vitest'
import { crashRounds, type Fault } from './driver.js'
import type { CrashSystem } from './system.js'

/** Rounds are begun for so many seconds with each fault; a loaded machine has fewer of them. One without the system skips. */
export function shortRuns(
  system: CrashSystem | { readonly skip: string },
  seconds: number,
  each: readonly { reason: string; fault: Fault }[],
): void {
  if ('skip' in system) {
    test('infra is killed', ({ skip }) => skip(system.skip))
    return
  }
  afterAll(() => system.clean())

  describe(`nothing of ${system.name} is lost or doubled`, () => {
    test.each(each)(
      'when $reason',
      async ({ fault }) => {
        const seed = Number(process.env.SEED ?? Math.trunc(Math.random() * 2 ** 31))
        const counts = await crashRounds(system, {
          ...{ seed, rounds: 12, faults: [fault], until: Date.now() + seconds * 1000 },
        })
        process.stdout.write(`${system.name}, ${fault}, seed ${seed}: ${JSON.stringify(counts)}\n`)
        expect(counts.rounds).toBeGreaterThan(0)
      },
      600_000,
    )
  })
}
