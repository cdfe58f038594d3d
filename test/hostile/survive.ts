/** What must come of hostile input: an answer or an error of the family, soon; nothing of the process is changed by it. */
import fc from 'fast-check'
import { InfraError, InfraErrors } from '../../src/model/error.js'
import { type Dice, seededDice } from '../sim/dice.js'

/** Longer than any sample takes on a machine that is busy with other things; a hang is much longer. */
const slow = 10_000

/** RUNS=20000 looks longer, and elsewhere each time; SEED=5 runs that one again. A check draws the same inputs each time. */
const { RUNS, SEED } = process.env

/** Each as likely as another: small ones again and again would be the same input again and again. */
const seeds = fc.noBias(fc.integer({ min: 1, max: 2 ** 31 - 1 }))

/** Runs it with the input of many seeds, and fails with the seed of the first that does not survive. */
export async function survives(input: (dice: Dice) => unknown, runs = 400): Promise<void> {
  const one = async (seed: number) => {
    const began = performance.now()
    try {
      await input(seededDice(seed))
    } catch (thrown) {
      for (const error of thrown instanceof InfraErrors ? thrown.errors : [thrown]) told(error, seed)
    }
    const took = performance.now() - began
    if (took > slow) throw new Error(`SEED=${seed}: it took ${Math.round(took)} ms`)
    if (({} as { polluted?: true }).polluted)
      throw new Error(`SEED=${seed}: the prototype of all objects was changed`)
  }
  if (SEED !== undefined) return one(Number(SEED))
  await fc.assert(fc.asyncProperty(seeds, one), {
    ...(RUNS === undefined ? { numRuns: runs, seed: 1 } : { numRuns: Number(RUNS) }),
    endOnFailure: true,
  })
}

function told(error: unknown, seed: number): void {
  if (!(error instanceof InfraError))
    throw new Error(`SEED=${seed}: not an error of the family: ${(error as Error).stack}`)
  if (['unexpected', 'broken-plan'].includes(error.code))
    throw new Error(`SEED=${seed}: ${error.code}`, { cause: error })
  try {
    tellsNoCode(`${error.message}\n${error.why ?? ''}\n${error.hint ?? ''}`)
  } catch (cause) {
    throw new Error(`SEED=${seed}: ${(cause as Error).message}`, { cause: error })
  }
}

/** Fails on words that are about infra's own code and not about what it met. */
export function tellsNoCode(text: string): void {
  if (/^\s+at .+:\d+:\d+\)?$|Cannot read propert|is not a function|is not iterable/m.test(text))
    throw new Error(`words that tell of code:\n${text}`)
}
