/** New objects before old ones, where both cannot be there at once: every way of doing the steps has to be one that can be done. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { formerAddress } from '../../src/model/former.js'
import type { Restore } from '../../src/planner/input.js'
import type { Step } from '../../src/planner/plan.js'
import { planStack } from '../../src/planner/plan-stack.js'
import type { DesiredResource } from '../../src/stack/desired.js'
import type { ResourceRecord } from '../../src/state/document.js'
import { desiredOf, inputOf, recordOf } from './fixtures.js'

const unmakes = (step: Step) => step.action === 'delete' || step.phase === 'delete'
const makes = (step: Step) => step.action === 'create' || step.phase === 'create'
const keyOf = (one: { readonly kind: string; readonly name: string }) => `${one.kind} ${one.name}`

/** Does the steps in any order that their needs allow, and fails where two objects would have one name, or one lacks what it needs. */
function carryOut(
  steps: readonly Step[],
  records: readonly ResourceRecord[],
  choose: (of: number) => number,
) {
  const there = new Map(records.map(record => [keyOf(record), record.dependencies]))
  const nameNow = new Map(records.map(record => [record.address, keyOf(record)]))
  const done = new Set<string>()
  const left = [...steps]
  while (left.length > 0) {
    const ready = left.filter(step => step.needs.every(need => done.has(need)))
    const step = ready[choose(ready.length)]
    if (!step) throw new Error(`none of these can be done: ${left.map(one => one.id).join(', ')}`)
    left.splice(left.indexOf(step), 1)
    done.add(step.id)
    if (unmakes(step)) there.delete(keyOf(step))
    if (!makes(step)) continue
    if (there.has(keyOf(step))) throw new Error(`${step.id}: there is another one of that name`)
    for (const dependency of step.desired?.dependencies ?? []) {
      const name = nameNow.get(dependency)
      if (name === undefined || !there.has(name)) throw new Error(`${step.id}: ${dependency} is not there`)
    }
    there.set(keyOf(step), step.desired?.dependencies ?? [])
    nameNow.set(step.address, keyOf(step))
  }
}

interface Drawn {
  readonly name: string
  readonly renamed: boolean
  readonly replaced: boolean
  readonly tainted: boolean
  readonly former: boolean
  readonly first: boolean
  readonly below: readonly string[]
  readonly belowBefore: readonly string[]
}

const names = ['a', 'b', 'c', 'd']
const drawn: fc.Arbitrary<readonly Drawn[]> = fc.tuple(
  ...names.map((name, index) =>
    fc.record({
      name: fc.constant(name),
      renamed: fc.boolean(),
      replaced: fc.boolean(),
      tainted: fc.boolean(),
      former: fc.boolean(),
      first: fc.boolean(),
      below: fc.subarray(names.slice(0, index)),
      belowBefore: fc.subarray(names.slice(0, index)),
    }),
  ),
)

function situation(all: readonly Drawn[], mode: 'apply' | 'rollback') {
  const addressOf = (name: string) => `Store/${name}`
  const desired: DesiredResource[] = []
  const records: ResourceRecord[] = []
  const restore = new Map<string, Restore>()
  for (const { name, renamed, replaced, tainted, former, first, below, belowBefore } of all) {
    const address = addressOf(name)
    const one = desiredOf(
      address,
      {},
      {
        name: renamed ? `${name}-new` : name,
        lifecycle: first ? { createBeforeDestroy: true } : {},
        dependencies: below.map(addressOf),
      },
    )
    desired.push(one)
    const before = { ...one, name, lifecycle: {}, dependencies: belowBefore.map(addressOf) }
    records.push(recordOf(before, tainted ? { tainted: 'cut off' } : {}))
    if (former) {
      const old = { ...before, name: `${name}-old`, address: formerAddress(address) }
      records.push(recordOf(old, { identity: { uuid: `old ${address}` } }))
    }
    if (replaced) restore.set(address, { identity: { uuid: `back ${address}` }, token: null })
  }
  const options = { mode, ...(mode === 'rollback' && { unprotected: true as const }) }
  return { records, ...planStack(inputOf({ desired, records, restore, options })) }
}

describe('a plan that is not refused', () => {
  test.each(['rollback', 'apply'] as const)('can be done in any order that it allows: %s', mode => {
    fc.assert(
      fc.property(drawn, fc.infiniteStream(fc.nat()), (all, turns) => {
        const { plan, problems, records } = situation(all, mode)
        if (mode === 'rollback') expect(problems).toEqual([])
        if (problems.length > 0) return
        carryOut(plan.steps, records, of => Number(turns.next().value) % Math.max(1, of))
      }),
      { numRuns: 500 },
    )
  })
})

describe('on the way back', () => {
  const one = (name: string, more: Partial<Drawn> = {}): Drawn => ({
    ...{ name, renamed: false, replaced: true, tainted: false, former: false, first: false },
    ...{ below: [], belowBefore: [] },
    ...more,
  })
  const above = { first: true, renamed: true, below: ['a'], belowBefore: ['a'] }
  const cases: readonly {
    readonly reason: string
    readonly all: readonly Drawn[]
    readonly steps: string
  }[] = [
    {
      reason: 'the old one comes before the new one goes, where they have two names',
      all: [one('a', { first: true, renamed: true })],
      steps: 'create a, delete a',
    },
    {
      reason: 'the new one goes first where both have one name',
      all: [one('a', { first: true })],
      steps: 'delete a, create a',
    },
    {
      reason: 'so it does where what it needs is replaced and has one name',
      all: [one('a'), one('b', above)],
      steps: 'delete b, delete a, create a, create b',
    },
    {
      reason: 'and all come first where all have two names',
      all: [one('a', { renamed: true }), one('b', above)],
      steps: 'create a, create b, delete b, delete a',
    },
    {
      reason: 'another one that needs nothing of that comes first all the same',
      all: [one('a'), one('b', above), one('c', { first: true, renamed: true })],
      steps: 'create c, delete b, delete a, delete c, create a, create b',
    },
  ]
  for (const { reason, all, steps } of cases) {
    it(reason, () => {
      const { plan, problems } = situation(all, 'rollback')
      expect(problems).toEqual([])
      const told = plan.steps.map(({ id }) => id.replace(/^replace-(\w+) Store\//, '$1 '))
      expect(told.join(', ')).toBe(steps)
    })
  }
})
