import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { planStack } from '../../src/planner/plan-stack.js'
import type { Observation } from '../../src/providers/provider.js'
import type { DesiredResource } from '../../src/stack/desired.js'
import type { ResourceRecord } from '../../src/state/document.js'
import { desiredOf, identityOf, inputOf, lineage, recordOf } from './fixtures.js'

const names = ['a', 'b', 'c', 'd', 'e', 'f']
const kinds = ['Machine', 'Store', 'Deposit']

const spec: fc.Arbitrary<Attributes> = fc.record(
  {
    size: fc.integer({ min: 0, max: 4 }),
    colour: fc.constantFrom('red', 'blue'),
    mode: fc.constantFrom('a', 'b'),
    shape: fc.constantFrom('flat', 'round'),
    secret: fc.constantFrom('x', 'y'),
    parts: fc.uniqueArray(
      fc.record({ id: fc.constantFrom('p', 'q', 'r'), length: fc.integer({ min: 1, max: 3 }) }),
      {
        selector: part => part.id,
      },
    ),
    free: fc.jsonValue() as fc.Arbitrary<never>,
  },
  { requiredKeys: [] },
)

/** A resource depends only on those before it in the alphabet: no circles, as the stack reader ensures. */
function resources(): fc.Arbitrary<DesiredResource[]> {
  return fc
    .subarray(names)
    .chain(chosen =>
      fc.tuple(
        ...chosen.map((name, index) =>
          fc.record({
            kind: fc.constantFrom(...kinds),
            name: fc.constant(name),
            spec,
            below: fc.subarray(chosen.slice(0, index)),
            lifecycle: fc.record(
              {
                preventDestroy: fc.boolean(),
                retainOnDelete: fc.boolean(),
                createBeforeDestroy: fc.boolean(),
              },
              { requiredKeys: [] },
            ),
          }),
        ),
      ),
    )
    .map(drawn => {
      const kindOf = new Map(drawn.map(one => [one.name, one.kind]))
      return drawn.map(one =>
        desiredOf(`${one.kind}/${one.name}`, one.spec, {
          lifecycle: one.lifecycle,
          sensitive: ['secret'],
          dependencies: one.below.map(name => `${kindOf.get(name)}/${name}`).sort(),
        }),
      )
    })
}

function observation(record: ResourceRecord): fc.Arbitrary<Observation> {
  const owner = { lineage, address: record.address }
  const base = { status: 'present', identity: record.identity, owner, facts: {} } as const
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<Observation>({ ...base, spec: record.spec }) },
    spec.map((seen): Observation => ({ ...base, spec: seen })),
    fc.constant<Observation>({ status: 'absent' }),
    fc.constant<Observation>({ status: 'unreadable', why: 'no answer' }),
    fc.constant<Observation>({ ...base, spec: record.spec, incomplete: true }),
    fc.constant<Observation>({
      ...base,
      spec: record.spec,
      identity: { uuid: 'stranger' },
      owner: { lineage: 'x', address: 'y' },
    }),
  )
}

const situation = fc
  .tuple(resources(), resources(), fc.constantFrom('apply', 'destroy', 'accept', 'rollback'))
  .chain(([desired, recorded, mode]) => {
    const records = recorded.map(one => recordOf(one, { identity: identityOf(one.address) }))
    return fc
      .tuple(
        fc.constant(desired),
        fc.constant(records),
        fc.constant(mode as 'apply'),
        fc.tuple(...records.map(observation)),
      )
      .map(([wanted, known, how, seen]) => ({
        desired: wanted,
        records: known,
        observed: Object.fromEntries(
          known.map((record, index) => [record.address, seen[index] as Observation]),
        ),
        options: { mode: how },
      }))
  })

describe('the planner, for any stack, state and observation', () => {
  test('never throws, and orders every step after what it needs', () => {
    fc.assert(
      fc.property(situation, parts => {
        const { plan } = planStack(inputOf(parts))
        const done = new Set<string>()
        for (const step of plan.steps) {
          for (const need of step.needs) expect(done.has(need), `${step.id} needs ${need}`).toBe(true)
          done.add(step.id)
        }
        expect(done.size).toBe(plan.steps.length)
      }),
      { numRuns: 500 },
    )
  })

  test('gives the same bytes for the same inputs, whatever the order of documents', () => {
    fc.assert(
      fc.property(situation, parts => {
        const first = JSON.stringify(planStack(inputOf(parts)).plan)
        const again = JSON.stringify(planStack(inputOf(structuredClone(parts))).plan)
        expect(again).toBe(first)
        const turned = {
          ...parts,
          desired: [...parts.desired].reverse(),
          records: [...parts.records].reverse(),
        }
        expect(planStack(inputOf(turned)).plan.digest).toBe(planStack(inputOf(parts)).plan.digest)
      }),
      { numRuns: 150 },
    )
  })

  test('has no step for what is as it should be', () => {
    fc.assert(
      fc.property(resources(), desired => {
        const { plan, problems } = planStack(inputOf({ desired, records: desired.map(one => recordOf(one)) }))
        expect(plan.steps).toEqual([])
        expect(problems).toEqual([])
      }),
    )
  })

  test('never plans to delete what it could not read, or what is a stranger’s', () => {
    fc.assert(
      fc.property(situation, parts => {
        const { plan } = planStack(inputOf(parts))
        for (const step of plan.steps) {
          if (step.action !== 'delete' && step.phase !== 'delete') continue
          const seen = parts.observed[step.address]
          expect(seen?.status).toBe('present')
          if (seen?.status === 'present') expect(seen.identity.uuid).not.toBe('stranger')
        }
      }),
      { numRuns: 300 },
    )
  })
})
