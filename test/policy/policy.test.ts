import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InfraErrors } from '../../src/model/error.js'
import type { Plan } from '../../src/planner/plan.js'
import { evaluatePolicy } from '../../src/policy/evaluate.js'
import { permits } from '../../src/policy/policy.js'
import { policyFileName, readPolicy } from '../../src/policy/read.js'
import { cpuMilliseconds } from '../cpu.js'
import { largePlan, mixedPlan, planOf, resource, secret, step } from '../report/fixtures.js'

const example = readFileSync(new URL('../../examples/policy/infra-policy.yaml', import.meta.url), 'utf8')
const read = (text: string) => readPolicy({ name: policyFileName, text })
const rules = (text: string) => read(`apiVersion: infra/v1\nkind: Policy\nrules:\n${text}`)
const rule = (require: string, more = '') =>
  rules(`  - name: r\n    reason: Because.\n    require: ${JSON.stringify(require)}\n${more}`)
const wednesday = Date.parse('2026-11-18T10:00:00Z')
const sunday = Date.parse('2026-11-22T10:00:00Z')

/** `rule address`, a finding each. */
function found(text: string, plan: Plan, now = wednesday): string[] {
  return evaluatePolicy(read(text), plan, now).findings.map(one => `${one.rule} ${one.address ?? 'plan'}`)
}

function errorsOf(text: string) {
  try {
    read(text)
  } catch (thrown) {
    if (thrown instanceof InfraErrors) return thrown.errors
  }
  throw new Error('it was read')
}

describe('the example’s rules', () => {
  const machine = (name: string, more: object = {}, labels = {}) =>
    step('create', `VirtualMachine/${name}`, {
      desired: resource(`VirtualMachine/${name}`, { vcpus: 2, ...more }, { labels }),
    })
  const gone = (name: string) => step('delete', `Volume/${name}`, { hazards: ['deletes-data'] })
  const capacity = (after: number, limit?: number) => ({
    capacity: [{ place: 'p', resource: 'disk', unit: 'GiB', before: 10, after, ...(limit && { limit }) }],
  })

  it.each([
    ['data may go on a Wednesday at 11 in Berlin', planOf([gone('a')]), wednesday, []],
    ['and not on a Sunday', planOf([gone('a')]), sunday, ['data-is-deleted-in-the-window-only Volume/a']],
    ['three destroys are few', planOf(['a', 'b', 'c'].map(gone)), wednesday, []],
    ['four are not', planOf(['a', 'b', 'c', 'd'].map(gone)), wednesday, ['few-destroys plan']],
    ['unless all shall go', planOf(['a', 'b', 'c', 'd'].map(gone), { mode: 'destroy' }), wednesday, []],
    [
      'a machine without an owner',
      planOf([machine('a')]),
      wednesday,
      ['machines-have-an-owner VirtualMachine/a'],
    ],
    ['a machine with one', planOf([machine('a', {}, { owner: 'shop' })]), wednesday, []],
    [
      'an owner that is none',
      planOf([machine('a', {}, { owner: '?' })]),
      wednesday,
      ['machines-have-an-owner VirtualMachine/a'],
    ],
    ['a full pool', planOf([], capacity(95, 100)), wednesday, ['it-fits plan']],
    ['a pool with room', planOf([], capacity(90, 100)), wednesday, []],
    ['a pool of unknown size', planOf([], capacity(1e6)), wednesday, []],
    ['a full pool that is emptied', planOf([], capacity(9, 5)), wednesday, []],
    [
      'an image that nobody knows',
      planOf([machine('a', { bootDisk: { image: 'x.qcow2' } }, { owner: 'shop' })]),
      wednesday,
      ['known-images VirtualMachine/a'],
    ],
    [
      'a golden image',
      planOf([machine('a', { bootDisk: { image: 'golden:x' } }, { owner: 'shop' })]),
      wednesday,
      [],
    ],
    [
      'an image that is known only later',
      planOf([machine('a', { bootDisk: { image: { $unresolved: 'x' } } }, { owner: 'shop' })]),
      wednesday,
      [],
    ],
  ] as readonly (readonly [string, Plan, number, readonly string[]])[])(
    '%s',
    (_reason, plan, now, expected) => {
      expect(found(example, plan, now)).toEqual(expected)
    },
  )

  it('warns without forbidding', () => {
    const plan = planOf([step('delete', 'Volume/a', { hazards: ['deletes-data', 'irreversible'] })])
    const report = evaluatePolicy(read(example), plan, wednesday)
    expect(report.findings.map(({ rule: name, level }) => [name, level])).toEqual([
      ['nothing-that-cannot-be-undone', 'warn'],
    ])
    expect(permits(report)).toBe(true)
    expect(permits(evaluatePolicy(read(example), plan, sunday))).toBe(false)
  })

  it('has something to say of a plan with one of everything', () => {
    const report = evaluatePolicy(read(example), mixedPlan(), sunday)
    expect(report.evaluated).toBe(6)
    expect(report.findings.filter(one => one.error)).toEqual([])
    expect(new Set(report.findings.map(one => one.rule)).size).toBe(4)
  })
})

describe('evaluation', () => {
  it.each([
    ['whole numbers are ints', 'counts.delete + 1 == 2 && type(counts.delete) == int', true],
    ['fractions are doubles', 'capacity[0].after == 1.5', true],
    ['both halves of a replacement are told apart', 'steps.filter(s, s.destroys).size() == 2', true],
    ['the document is the plan’s', 'plan.base.serial == 41 && plan.format == "infra.plan/v1"', true],
    ['strings have more functions', '"a,b".split(",")[1] == "b"', true],
    ['false is a finding', 'counts.create > 0', false],
  ])('%s', (_reason, expression, holds) => {
    const plan = planOf(
      [
        step('delete', 'A/a'),
        step('replace', 'A/b', { phase: 'delete' }),
        step('replace', 'A/b', { phase: 'create' }),
      ],
      {
        capacity: [{ place: 'p', resource: 'r', unit: '', before: 1, after: 1.5 }],
      },
    )
    const { findings } = evaluatePolicy(rule(expression, '    each: plan\n'), plan, wednesday)
    expect(findings).toHaveLength(holds ? 0 : 1)
    expect(findings[0]?.error).toBeUndefined()
  })

  it.each([
    ['a field that is not there', 'step.desired.nothing == 1', 'field not found: nothing'],
    ['a value that is no truth', 'step.address', 'it is not true or false, but string'],
    ['an unknown name', 'nonsense', 'unresolved attribute'],
    ['an unknown time zone', 'now.getHours("Nowhere/Town") > 1', 'Nowhere/Town'],
  ])('denies where a rule cannot be evaluated: %s', (_reason, expression, why) => {
    const plan = planOf([step('create', 'A/a', { desired: resource('A/a', {}) })])
    const report = evaluatePolicy(rule(expression), plan, wednesday)
    expect(report.findings[0]?.error).toContain(why)
    expect(report.findings[0]).toMatchObject({ rule: 'r', level: 'deny', address: 'A/a' })
    expect(permits(report)).toBe(false)
  })

  it('sees no secret', () => {
    const report = evaluatePolicy(
      rule(`!string(steps).contains("${secret}")`, '    each: plan\n'),
      mixedPlan(),
      wednesday,
    )
    const leak = evaluatePolicy(
      rule('resource.spec.cloudInit.passwordHash.startsWith("$6")'),
      mixedPlan(),
      wednesday,
    )
    expect(JSON.stringify(report) + JSON.stringify(leak.findings.map(one => one.error))).not.toContain(
      secret.slice(3),
    )
    expect(leak.findings.every(one => one.error !== undefined)).toBe(true)
  })

  it('lists 200 findings of a rule and counts the others', () => {
    const { findings } = evaluatePolicy(rule('false'), largePlan(1000), wednesday)
    expect(findings).toHaveLength(201)
    expect(findings.at(-1)?.reason).toBe('Because. (and 800 more steps)')
  })

  it('takes 10,000 steps and the example’s rules in seconds', { timeout: 120_000 }, () => {
    const plan = largePlan(10_000)
    const rulesOf = read(example)
    expect(cpuMilliseconds(() => evaluatePolicy(rulesOf, plan, wednesday))).toBeLessThan(10_000)
  })

  it('never throws, whatever a plan holds', { timeout: 120_000 }, () => {
    const rulesOf = read(example)
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), spec => {
        const desired = resource('VirtualMachine/a', JSON.parse(JSON.stringify(spec)))
        evaluatePolicy(rulesOf, planOf([step('create', 'VirtualMachine/a', { desired })]), wednesday)
      }),
    )
  })
})

describe('a policy’s file', () => {
  it('keeps where each rule stands', () => {
    expect(read(example)[1]).toMatchObject({
      name: 'few-destroys',
      each: 'plan',
      level: 'deny',
      place: { file: 'infra-policy.yaml', line: 13, column: 11 },
    })
  })

  it.each([
    ['a broken expression', '  - {name: a, reason: b, require: "1 +"}', 'invalid-expression', 4],
    [
      'a name twice',
      '  - {name: a, reason: b, require: "true"}\n  - {name: a, reason: b, require: "true"}',
      'duplicate-rule',
      5,
    ],
    ['a misspelt field', '  - {name: a, reason: b, requires: "true"}', 'unknown-field', 4],
    ['a level that is none', '  - {name: a, reason: b, require: "true", level: block}', 'invalid-value', 4],
    ['a misspelt variable', '  - {name: a, reason: b, require: "resorce.name == 1"}', 'unknown-variable', 4],
    [
      'a step in a rule for the plan',
      '  - {name: a, reason: b, each: plan, require: "step.destroys"}',
      'unknown-variable',
      4,
    ],
    ['a rule without a reason', '  - {name: a, require: "true"}', 'missing-field', 4],
    ['what is not YAML', '  - {name: a', 'syntax', 5],
  ])('is refused with its place: %s', (_reason, text, code, line) => {
    const errors = errorsOf(`apiVersion: infra/v1\nkind: Policy\nrules:\n${text}\n`)
    expect(errors.map(error => error.code)).toContain(code)
    expect(errors[0]?.place).toMatchObject({ file: 'infra-policy.yaml', line })
  })

  it('may give names to what it looks at, and use those of types and functions', () => {
    const rule = 'steps.all(stepp, type(stepp.kind) == string) && math.greatest(1, 2) == 2'
    const text = `apiVersion: infra/v1\nkind: Policy\nrules:\n  - {name: a, reason: b, each: plan, require: "${rule}"}\n`
    expect(read(text)).toHaveLength(1)
  })

  it('reports all that is wrong, not the first', () => {
    const errors = errorsOf(
      'apiVersion: infra/v1\nkind: Policy\nrules:\n  - {name: A, reason: b, require: "true"}\n  - {name: b, reason: c, level: x, require: "1"}\n',
    )
    expect(errors).toHaveLength(2)
  })

  it.each([
    ['a bomb', `a: &a [${'x,'.repeat(50)}]\nb: [${'*a,'.repeat(5000)}]`],
    ['brackets', '['.repeat(5000)],
    ['nothing', ''],
    ['a large file', `# ${'x'.repeat(2_000_000)}`],
  ])('refuses %s quickly', (_reason, text) => {
    const milliseconds = cpuMilliseconds(() => {
      expect(errorsOf(text).length).toBeGreaterThan(0)
    })
    expect(milliseconds).toBeLessThan(2000)
  })
})
