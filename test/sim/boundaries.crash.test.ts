/**
 * A crash at every boundary: before and after each write, sync, rename, link, removal and provider call, and in the middle of
 * each write, of every operation, by a kill and by a loss of power, recovered forward and back; and the same within
 * recoveries.
 *
 *     ALL=1 npx vitest run --project crash test/sim/boundaries.crash.test.ts          every point of every recovery, too
 *     POINT='update 57 power back' npx vitest run --project crash test/sim/boundaries.crash.test.ts     one history
 */
import { describe, expect, it } from 'vitest'
import type { Direction, History, Operation, Piece, Round } from './draw.js'
import { isRemote, runHistory, type Stage } from './history.js'

const file = 'test/sim/boundaries.crash.test.ts'

const piece = (letter: Piece['letter'], kind: Piece['kind'], more: Partial<Piece> = {}): Piece => ({
  ...{ letter, kind, renamed: false, spec: { colour: 'red', mode: 'a', shape: 'flat', size: 1 } },
  ...{ below: [], lifecycle: {}, label: 'x', ...more },
})
const apply = (...stack: readonly Piece[]): Operation => ({ do: 'apply', stack, restart: true })

const disk = piece('a', 'Store')
const vm = piece('b', 'Machine', { below: ['a'] })
const others = [piece('c', 'Store'), piece('d', 'Machine')]
const both = apply(disk, vm)
const blue = { spec: { colour: 'blue', mode: 'b', shape: 'flat', size: 2 } }
const round = { spec: { colour: 'red', mode: 'a', shape: 'round', size: 1 } }
const renamed = { renamed: true, lifecycle: { createBeforeDestroy: true } }

interface Scenario {
  readonly name: string
  /** What was done before, without trouble. */
  readonly before: readonly Operation[]
  readonly operation: Operation
}

const scenarios: readonly Scenario[] = [
  { name: 'create', before: [], operation: both },
  {
    name: 'update',
    before: [both],
    operation: apply({ ...disk, ...blue }, { ...vm, ...blue }),
  },
  { name: 'replace', before: [both], operation: apply({ ...disk, ...round }, vm) },
  { name: 'replace, new first', before: [apply(disk)], operation: apply({ ...disk, ...renamed }) },
  { name: 'delete', before: [both], operation: apply() },
  { name: 'all at once', before: [both], operation: apply({ ...disk, ...blue }, ...others) },
  { name: 'destroy', before: [both], operation: { do: 'destroy' } },
  { name: 'rollback', before: [both, apply()], operation: { do: 'rollback', back: 0 } },
  {
    name: 'rollback of a replacement',
    before: [both, apply({ ...disk, ...round })],
    operation: { do: 'rollback', back: 0 },
  },
  { name: 'prune', before: [both, apply()], operation: { do: 'prune', keep: 0 } },
  { name: 'edit', before: [both], operation: { do: 'forget', which: 1 } },
]

const quiet = (operation: Operation): Round => ({
  ...{ operation, trouble: {}, choices: ['rollback'], recoveries: [], last: 'forward' },
})

/** Machines on which that was done which every history of a scenario begins with: done once. */
const begun = new Map<string, Promise<Stage>>()

function beginning({ name, before }: Scenario, seed: number): Promise<Stage> {
  const key = `${name} ${isRemote(seed)}`
  const known = begun.get(key)
  if (known) return known
  const history = { seed: isRemote(seed) ? 1 : 3, parallelism: 2, rounds: before.map(quiet) }
  const made = runHistory(history).then(({ stage }) => stage)
  begun.set(key, made)
  return made
}

function historyOf(
  { operation }: Scenario,
  crash: { readonly at: number; readonly power: boolean; readonly last: Direction },
  second?: { readonly at: number; readonly direction: Direction },
): History {
  const trouble = { crashAt: crash.at, power: crash.power }
  const recoveries = second
    ? [{ direction: second.direction, trouble: { crashAt: second.at, power: !crash.power } }]
    : []
  const last: Round = { operation, trouble, choices: ['rollback'], recoveries, last: crash.last }
  return { seed: crash.at, parallelism: 2, rounds: [last] }
}

async function replayable(name: string, scenario: Scenario, history: History): Promise<readonly string[]> {
  try {
    return (await runHistory(history, await beginning(scenario, history.seed))).crashes
  } catch (error) {
    throw new Error(`POINT='${name}' npx vitest run --project crash ${file}\n${(error as Error).message}`, {
      cause: error,
    })
  }
}

const sum = { points: 0, histories: 0, kinds: new Map<string, number>() }
const directions = ['forward', 'back'] as const
const { POINT: wanted, ALL } = process.env

/** Runs a history at one point after the other, until a process came to its end without reaching it. */
async function everyPoint(
  name: string,
  scenario: Scenario,
  history: (at: number) => History,
  expected: number,
  step = 1,
): Promise<number> {
  for (let at = step; ; at += step) {
    const label = name.replace('#', String(at))
    if (wanted !== undefined && wanted !== label) {
      if (at > 1000) return at
      continue
    }
    const crashes = await replayable(label, scenario, history(at))
    sum.histories += 1
    if (crashes.length < expected) return Math.trunc(at / step) - 1
    const kind =
      crashes.at(-1)?.replace(/\.[0-9a-f]{12}\.tmp|[0-9a-f-]{36}|[A-Z]\w+\/\w+|\d+(?=\.json)/g, '…') ?? ''
    sum.kinds.set(kind, (sum.kinds.get(kind) ?? 0) + 1)
    if (wanted !== undefined) return at
  }
}

describe('a crash at every boundary', () => {
  it.each(scenarios)('of $name', async scenario => {
    let points = 0
    for (const [index, last] of [...directions, ...directions].entries()) {
      const power = index > 1
      const name = `${scenario.name} # ${power ? 'power' : 'kill'} ${last}`
      points = await everyPoint(name, scenario, at => historyOf(scenario, { at, power, last }), 1)
    }
    sum.points += points
    if (wanted === undefined) expect(points).toBeGreaterThan(20)
  })

  it.each(scenarios.filter(one => one.operation.do !== 'prune' && one.operation.do !== 'forget'))(
    'of the recovery of $name',
    async scenario => {
      for (const first of ALL ? [58, 64, 70, 78, 90] : [64, 78]) {
        for (const direction of directions) {
          const last = first % 4 === 2 ? direction : direction === 'back' ? 'forward' : 'back'
          const crash = { at: first, power: first % 3 === 0, last } as const
          const name = `${scenario.name} ${first} then # ${direction} ${last}`
          sum.points += await everyPoint(
            name,
            scenario,
            at => historyOf(scenario, crash, { at, direction }),
            2,
            ALL ? 1 : 3,
          )
        }
      }
    },
  )

  it('was at every kind of boundary', () => {
    process.stdout.write(
      `boundaries: ${sum.points} points of ${sum.kinds.size} kinds, ${sum.histories} histories\n`,
    )
    if (wanted !== undefined) return
    const kinds = [...sum.kinds.keys()].join('\n')
    for (const kind of [
      ...['write journal', 'sync journal', 'unlink journal', 'rename to state', 'sync folder', 'link ….json'],
      ...[
        'create …',
        'update …',
        'delete …',
        'observe',
        'discard',
        'rename to lock.json',
        'rename to ….json',
      ],
    ]) {
      expect(kinds).toContain(`before ${kind}`)
      expect(kinds).toContain(`after ${kind}`)
    }
  })
})
