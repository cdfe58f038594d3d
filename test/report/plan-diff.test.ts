import { describe, expect, it } from 'vitest'
import type { Plan } from '../../src/planner/plan.js'
import { diffPlans, renderPlanDiff } from '../../src/report/plan-diff.js'
import { change, mixedPlan, planOf, resource, secret, step } from './fixtures.js'

const text = (a: Plan, b: Plan) => renderPlanDiff(diffPlans(a, b), { colour: false })
const update = (more: Parameters<typeof step>[2] = {}) =>
  planOf([
    step('update', 'A/b', { changes: [change('x', 1, 2)], desired: resource('A/b', { x: 2 }), ...more }),
  ])

describe('the difference of two plans', () => {
  it('is none of a plan and itself', () => {
    const diff = diffPlans(mixedPlan(), mixedPlan())
    expect(diff.same).toBe(true)
    expect(renderPlanDiff(diff, { colour: false })).toBe('The plans are the same.\n')
  })

  it('tells steps that only one has', () => {
    const a = planOf([step('create', 'A/a'), step('create', 'A/b')])
    const b = planOf([step('create', 'A/b'), step('delete', 'A/c', { hazards: ['deletes-data'] })])
    expect(text(a, b)).toBe('- create A/a\n+ delete A/c [deletes-data]\n')
  })

  it.each([
    ['another value', { changes: [change('x', 1, 3)] }, '    - x: 1 → 2\n    + x: 1 → 3\n'],
    [
      'another way',
      { changes: [change('x', 1, 2, { how: 'restart' })] },
      '    + x: 1 → 2 (needs a restart)\n',
    ],
    ['a hazard', { hazards: ['restarts-vm'] as const }, '    ~ hazards: [] → ["restarts-vm"]\n'],
    ['a cause', { cause: 'tainted' }, '    ~ cause: (none) → "tainted"\n'],
    ['an unchanged attribute', { desired: resource('A/b', { x: 2, y: 1 }) }, '    + y: 1\n'],
  ])('tells %s of the same step', (_reason, more, expected) => {
    expect(text(update(), update(more))).toContain(`~ update A/b\n`)
    expect(text(update(), update(more))).toContain(expected)
  })

  it('tells what moved below, though the steps stay', () => {
    const a = planOf([], { observed: { 'A/b': '1', 'A/c': '1' } })
    const b = planOf([], { observed: { 'A/b': '2', 'A/c': '1' }, base: { lineage: 'other', serial: 2 } })
    expect(text(a, b)).toBe(
      '~ state lineage: "6f9c1c1e-58a5-4f0e-9d0e-0a4b9a0f7c11" → "other"\n~ state serial: 41 → 2\n~ A/b: what is there differs, the plan for it does not\n',
    )
  })

  it('names the attributes that moved of it', () => {
    const drift = (...changes: { path: string; to: number }[]) => [
      { address: 'A/b', kind: 'A', status: 'modified' as const, changes },
    ]
    const same = { path: 'same', to: 1 }
    const a = planOf([], { observed: { 'A/b': '1' }, drift: drift(same, { path: 'size', to: 1 }) })
    const b = planOf([], {
      observed: { 'A/b': '2' },
      drift: drift(same, { path: 'size', to: 2 }, { path: 'mode', to: 3 }),
    })
    expect(text(a, b)).toContain('A/b: what is there differs (mode, size), the plan for it does not')
  })

  it('never says that plans of different digests are the same', () => {
    const a = planOf([])
    expect(text(a, { ...a, digest: 'f'.repeat(64) })).toContain('differ in remarks only')
  })

  it('shows no secret, and with a key that one changed', () => {
    const of = (value: string) =>
      planOf([step('create', 'A/b', { desired: resource('A/b', { key: value }, { sensitive: ['key'] }) })])
    const diff = diffPlans(of(secret), of(`${secret}2`), { key: 'k' })
    expect(JSON.stringify(diff)).not.toContain(secret)
    expect(renderPlanDiff(diff, { colour: false })).toContain('~ key: (sensitive, changed)')
  })
})
