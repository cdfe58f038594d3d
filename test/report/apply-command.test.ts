import { describe, expect, test } from 'vitest'
import { planFlags } from '../../src/cli/render-plan.js'
import type { Plan } from '../../src/planner/plan.js'
import { applyCommand } from '../../src/report/apply-command.js'

const plan = (mode: Plan['mode']) => ({ mode, digest: 'abc' }) as Plan

describe('the command that applies exactly a plan', () => {
  test.each([
    { mode: 'apply', is: 'infra apply --digest abc lab' },
    { mode: 'accept', is: 'infra apply --refresh-only --digest abc lab' },
    { mode: 'destroy', is: 'infra destroy --digest abc lab' },
    { mode: 'rollback', is: undefined },
  ] as const)('$mode: $is', ({ mode, is }) => {
    expect(applyCommand(plan(mode), { path: 'lab' })).toBe(is)
  })

  test('asks for what the plan was asked for, and shows no secret', () => {
    const flags = planFlags(
      {
        target: ['Volume/a b'],
        restart: true,
        var: ['size=2', 'word=it-is-sesame'],
        'var-file': ['v.yaml'],
        state: '/s',
      },
      ['sesame'],
    )
    expect(applyCommand(plan('apply'), { flags })).toBe(
      "infra apply --digest abc --target 'Volume/a b' --restart --var-file v.yaml --var size=2 --var word=... --state /s",
    )
  })
})
