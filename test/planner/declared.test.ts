import { describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { changesSince, declaredPart, tellChanges } from '../../src/planner/declared.js'
import { observationDigest } from '../../src/planner/digest.js'
import type { Observation } from '../../src/providers/provider.js'
import { kinds } from '../../src/session/provider-types.js'
import { machine } from './fixtures.js'

const seen = (
  spec: Attributes,
  more: Partial<Extract<Observation, { status: 'present' }>> = {},
): Observation => ({
  ...{ status: 'present', identity: { id: '1' }, facts: {}, spec },
  ...more,
})
const declare = (recorded?: Attributes, desired?: Attributes) => ({ recorded, desired })

describe('what was declared of an observation', () => {
  const rows: {
    reason: string
    spec: Attributes
    recorded?: Attributes
    desired?: Attributes
    part: Attributes
  }[] = [
    { reason: 'recorded', spec: { a: 1, b: 2 }, recorded: { a: 0 }, part: { a: 1 } },
    { reason: 'desired', spec: { a: 1, b: 2 }, desired: { b: 0 }, part: { b: 2 } },
    { reason: 'both', spec: { a: 1, b: 2 }, recorded: { a: 0 }, desired: { b: 0 }, part: { a: 1, b: 2 } },
    {
      reason: 'within a field',
      spec: { a: { x: 1, y: 2 } },
      recorded: { a: { x: 0 } },
      part: { a: { x: 1 } },
    },
    {
      reason: 'an element of a list that nobody declared',
      spec: { parts: [{ id: 'one', length: 1, odd: 2 }, { id: 'two' }] },
      recorded: { parts: [{ id: 'one', length: 1 }] },
      part: { parts: [{ id: 'one', length: 1 }, { id: 'two' }] },
    },
    {
      reason: 'a whole such list',
      spec: { parts: [{ id: 'one' }] },
      recorded: {},
      part: { parts: [{ id: 'one' }] },
    },
    {
      reason: 'what refers to something unknown',
      spec: { a: { x: 1 } },
      desired: { a: { $unresolved: 'b' } },
      part: { a: { x: 1 } },
    },
  ]
  test.each(rows)('$reason', ({ spec, recorded, desired, part }) => {
    expect(declaredPart(spec, declare(recorded, desired), machine.keyedLists)).toEqual(part)
  })
  test('is the very same where all of it was', () => {
    const spec = { a: { x: 1 }, parts: [{ id: 'one', length: 1 }] }
    expect(declaredPart(spec, declare(spec), machine.keyedLists)).toBe(spec)
  })
})

describe('what has changed since a plan', () => {
  const before = seen({ colour: 'red' }, { owner: { lineage: 'l', address: 'a' } })
  const declared = declare({ colour: 'red', secret: 'x', file: { $unresolved: 'A.b.key', $secret: '1' } })
  const told = (planned: Observation, now: Observation) =>
    tellChanges(changesSince(planned, now, declared, machine), declared, ['colour.code'], machine)
  const rows: { reason: string; now: Observation; text: string; planned?: Observation }[] = [
    { reason: 'nothing', now: before, text: '' },
    {
      reason: 'what was not declared',
      now: { ...before, spec: { colour: 'red', size: 3 } } as Observation,
      text: '',
    },
    { reason: 'it is gone', now: { status: 'absent' }, text: 'status was "present" and is "absent"' },
    {
      reason: 'another object',
      now: { ...before, identity: { id: '2' } } as Observation,
      text: 'identity.id was "1" and is "2"',
    },
    {
      reason: 'its owner',
      now: { ...before, owner: { lineage: 'l', address: 'b' } } as Observation,
      text: 'owner.address was "a" and is "b"',
    },
    {
      reason: 'what waits for a restart',
      now: { ...before, pending: ['mode'] } as Observation,
      text: 'pending was [] and is ["mode"]',
    },
    {
      reason: 'what the kind calls secret',
      planned: seen({ secret: 'a' }),
      now: seen({ secret: 'b' }),
      text: 'secret differs (sensitive)',
    },
    {
      reason: 'what refers to another’s secret',
      planned: seen({ file: 'with the key' }),
      now: seen({ file: 'with another key' }),
      text: 'file differs (sensitive)',
    },
  ]
  test.each(rows)('$reason', row => {
    expect(told(row.planned ?? before, row.now)).toBe(row.text)
  })
  test('what holds a secret part is not told', () => {
    expect(told(seen({ colour: { code: 1 } }), seen({ colour: 'red' }))).toBe('colour differs (sensitive)')
  })
  test('no value is longer than a line, and no list than a screen', () => {
    const long = (start: string) => seen({ colour: start + 'x'.repeat(1000) })
    expect(told(long('a'), long('b')).length).toBeLessThan(200)
    const many = (value: number) =>
      Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field${index}`, value]))
    const all = declare(many(0))
    const text = tellChanges(changesSince(seen(many(1)), seen(many(2)), all, machine), all, [], machine)
    expect(text).toMatch(/^field0 was 1 and is 2; .*; and 28 more$/)
  })
})

describe('an autoscaled pool of Ceph', () => {
  const pool = kinds.get('CephPool')
  if (!pool) throw new Error('there is no kind CephPool')
  const spec = pool.canonical({ size: 1 }, { name: 'disks', labels: {}, annotations: {} })
  const withGroups = (pgNum: number) => seen({ ...spec, minSize: 1, pgNum, crushRule: 'replicated_rule' })

  test('may be given other placement groups between a plan and its apply', () => {
    const digest = (pgNum: number) => observationDigest(withGroups(pgNum), declare(spec), pool.keyedLists)
    expect(digest(32)).toBe(digest(16))
    expect(changesSince(withGroups(32), withGroups(16), declare(spec), pool)).toEqual([])
  })
  test('is another one where they were declared', () => {
    const declared = declare({ ...spec, autoscale: 'off', pgNum: 32 })
    const changes = changesSince(withGroups(32), withGroups(16), declared, pool)
    expect(tellChanges(changes, declared, [], pool)).toBe('pgNum was 32 and is 16')
  })
})
