import { describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { planStack } from '../../src/planner/plan-stack.js'
import { desiredOf, identityOf, inputOf, machine, present, recordOf } from './fixtures.js'

const web = desiredOf('Machine/web', { colour: 'red', size: 2 })

describe('what is done about one resource', () => {
  const rows: readonly {
    readonly reason: string
    readonly parts: Parameters<typeof inputOf>[0]
    readonly steps: readonly string[]
    readonly problems?: readonly string[]
  }[] = [
    {
      reason: 'what is desired and not there is made',
      parts: { desired: [web] },
      steps: ['create Machine/web'],
    },
    {
      reason: 'what is as it should be needs no step, whatever the order of keys',
      parts: { desired: [desiredOf('Machine/web', { size: 2, colour: 'red' })], records: [recordOf(web)] },
      steps: [],
    },
    {
      reason: 'what is recorded and no longer desired is deleted',
      parts: { records: [recordOf(web)] },
      steps: ['delete Machine/web'],
    },
    {
      reason: 'what is recorded and gone is made again',
      parts: { desired: [web], records: [recordOf(web)], observed: { 'Machine/web': { status: 'absent' } } },
      steps: ['create Machine/web'],
    },
    {
      reason: 'an unreadable resource is never taken for a missing one',
      parts: {
        desired: [web],
        records: [recordOf(web)],
        observed: { 'Machine/web': { status: 'unreadable', why: 'no answer' } },
      },
      steps: [],
    },
    {
      reason: 'what has no document and is gone already is forgotten',
      parts: { records: [recordOf(web)], observed: { 'Machine/web': { status: 'absent' } } },
      steps: ['forget Machine/web'],
    },
    {
      reason: 'retainOnDelete forgets instead of deleting',
      parts: { records: [recordOf(web, { lifecycle: { retainOnDelete: true } })] },
      steps: ['forget Machine/web'],
    },
    {
      reason: 'a stranger of that name stops the plan',
      parts: {
        desired: [web],
        observed: { 'Machine/web': { status: 'present', identity: {}, spec: {}, facts: {} } },
      },
      steps: [],
      problems: ['name-taken'],
    },
    {
      reason: 'what infra made and had not recorded is adopted',
      parts: { desired: [web], observed: { 'Machine/web': present(web) } },
      steps: ['adopt Machine/web'],
    },
    {
      reason: 'what is recorded under another address is not taken over and then deleted there',
      parts: {
        desired: [web],
        records: [
          recordOf(desiredOf('Machine/other', web.spec), {
            name: 'web',
            identity: identityOf('Machine/web'),
          }),
        ],
        observed: { 'Machine/web': present(web), 'Machine/other': present(web) },
      },
      steps: ['adopt Machine/web', 'delete Machine/other'],
      problems: ['recorded-elsewhere'],
    },
    {
      reason: 'another object that only has the same name is taken over',
      parts: {
        desired: [web],
        records: [recordOf(desiredOf('Machine/other', web.spec), { name: 'web' })],
        observed: { 'Machine/web': present(web) },
      },
      steps: ['adopt Machine/web', 'delete Machine/other'],
    },
    {
      reason: 'another object under the recorded name is not infra’s to change',
      parts: {
        desired: [web],
        records: [recordOf(web)],
        observed: {
          'Machine/web': { status: 'present', identity: { uuid: 'other' }, spec: web.spec, facts: {} },
        },
      },
      steps: [],
      problems: ['name-taken'],
    },
    {
      reason: 'a path without a rule is a replacement',
      parts: {
        desired: [desiredOf('Machine/web', { shape: 'round' })],
        records: [recordOf(desiredOf('Machine/web', { shape: 'flat' }))],
      },
      steps: ['replace-delete Machine/web', 'replace-create Machine/web'],
    },
    {
      reason: 'a tainted resource is replaced',
      parts: { desired: [web], records: [recordOf(web, { tainted: 'its create did not finish' })] },
      steps: ['replace-delete Machine/web', 'replace-create Machine/web'],
    },
    {
      reason: 'a refused change stops the plan',
      parts: {
        desired: [desiredOf('Machine/web', { size: 1 })],
        records: [recordOf(desiredOf('Machine/web', { size: 2 }))],
      },
      steps: [],
      problems: ['change-refused'],
    },
    {
      reason: 'a protected resource is not deleted, even when its document is gone',
      parts: { records: [recordOf(web, { lifecycle: { preventDestroy: true } })] },
      steps: ['delete Machine/web'],
      problems: ['prevent-destroy'],
    },
    {
      reason: 'a resource that is only read must exist',
      parts: { desired: [{ ...web, managed: false }] },
      steps: [],
      problems: ['not-there'],
    },
    {
      reason: 'labels change nothing real and are recorded',
      parts: { desired: [{ ...web, labels: { tier: 'front' } }], records: [recordOf(web)] },
      steps: ['no-op Machine/web'],
    },
    {
      reason: 'an ignored path is left alone',
      parts: {
        desired: [desiredOf('Machine/web', { colour: 'blue' }, { lifecycle: { ignoreChanges: ['colour'] } })],
        records: [
          recordOf(desiredOf('Machine/web', { colour: 'red' }, { lifecycle: { ignoreChanges: ['colour'] } })),
        ],
      },
      steps: [],
    },
    {
      reason: 'what nobody declared is nobody’s drift',
      parts: {
        desired: [web],
        records: [recordOf(web)],
        observed: { 'Machine/web': present({ ...web, spec: { ...web.spec, extra: 1 } }) },
      },
      steps: [],
    },
    {
      reason: 'accepting reality records drift and changes nothing',
      parts: {
        desired: [web],
        records: [recordOf(web)],
        observed: { 'Machine/web': present({ ...web, spec: { colour: 'blue', size: 2 } }) },
        options: { mode: 'accept' },
      },
      steps: ['adopt Machine/web'],
    },
    {
      reason: 'a destroy is not about what was never made',
      parts: {
        desired: [web, desiredOf('Machine/new')],
        records: [recordOf(web)],
        options: { mode: 'destroy' },
      },
      steps: ['delete Machine/web'],
    },
    {
      reason: 'a rollback leaves a grown size as it is',
      parts: {
        desired: [desiredOf('Machine/web', { size: 1 })],
        records: [recordOf(desiredOf('Machine/web', { size: 2 }))],
        options: { mode: 'rollback' },
      },
      steps: [],
    },
  ]
  test.each(rows)('$reason', ({ parts, steps, problems }) => {
    const result = planStack(inputOf(parts))
    expect(result.plan.steps.map(step => step.id)).toEqual(steps)
    expect(result.problems.map(problem => problem.code)).toEqual(problems ?? [])
  })
})

test('a stack without a state that meets what was made under its own addresses is told where its state may be', () => {
  const owner = { lineage: 'another', address: 'Machine/web' }
  const input = inputOf({ desired: [web], observed: { 'Machine/web': present(web, { owner }) } })
  const first = planStack({ ...input, state: { ...input.state, serial: 0 } })
  expect(first.problems[0]?.hint).toMatch(/^If this stack was renamed or moved/)
  expect(planStack(input).problems[0]?.hint).toMatch(/^Take it over/)
})

test('what a kind tells of the facts of an object is in the plan, beside what its provider tells', () => {
  const seen = present(web, { facts: { end: 'noon' }, remark: 'paused' })
  const input = inputOf({ desired: [web], records: [recordOf(web)], observed: { 'Machine/web': seen } })
  const telling = { ...machine, told: ({ end }: Attributes) => `lives until ${end}` }
  const { plan } = planStack({ ...input, kinds: new Map([['Machine', telling]]) })
  expect(plan.remarks).toEqual(['paused', 'lives until noon'].map(text => ({ address: 'Machine/web', text })))
})

test('a state that a stack of another name wrote is told', () => {
  const input = inputOf({ desired: [web] })
  const planWith = (stack: string) => planStack({ ...input, state: { ...input.state, stack } }).plan.stateOf
  expect([planWith('other'), planWith(input.stack)]).toEqual(['other', undefined])
})

describe('changes', () => {
  test('tell who moved: the stack, the real system, or both', () => {
    const record = recordOf(desiredOf('Machine/web', { colour: 'red', size: 2, mode: 'a' }))
    const desired = desiredOf('Machine/web', { colour: 'blue', size: 2, mode: 'b' })
    const seen = present({ ...record, spec: { colour: 'red', size: 1, mode: 'c' } })
    const { plan } = planStack(
      inputOf({ desired: [desired], records: [record], observed: { 'Machine/web': seen } }),
    )
    const origins = plan.steps[0]?.changes.map(({ path, from, to, origin, how }) => [
      path,
      from,
      to,
      origin,
      how,
    ])
    expect(origins).toEqual([
      ['colour', 'red', 'blue', 'stack', 'live'],
      ['mode', 'c', 'b', 'both', 'restart'],
      ['size', 1, 2, 'drift', 'live'],
    ])
    expect(plan.drift).toMatchObject([
      { address: 'Machine/web', status: 'modified', changes: [{ path: 'mode' }, { path: 'size' }] },
    ])
  })

  test('name elements of keyed lists by their key, whatever their order', () => {
    const before = desiredOf('Machine/web', {
      parts: [
        { id: 'a', length: 1 },
        { id: 'b', length: 2 },
      ],
    })
    const after = desiredOf('Machine/web', {
      parts: [
        { id: 'c', length: 3 },
        { id: 'b', length: 5 },
      ],
    })
    const { plan } = planStack(inputOf({ desired: [after], records: [recordOf(before)] }))
    expect(plan.steps[0]?.changes.map(change => change.path)).toEqual([
      'parts[a]',
      'parts[b].length',
      'parts[c]',
    ])
    expect(plan.steps[0]?.hazards).toEqual(['detaches-disk'])
  })

  test('say when they cannot be undone', () => {
    const before = recordOf(desiredOf('Machine/web', { size: 1 }))
    const { plan } = planStack(
      inputOf({ desired: [desiredOf('Machine/web', { size: 2 })], records: [before] }),
    )
    expect(plan.steps[0]?.undo.how).toBe('none')
  })

  test('mark secrets', () => {
    const secret = { sensitive: ['secret'] }
    const before = recordOf(desiredOf('Machine/web', { secret: 'old' }, secret))
    const { plan } = planStack(
      inputOf({ desired: [desiredOf('Machine/web', { secret: 'new' }, secret)], records: [before] }),
    )
    expect(plan.steps[0]?.changes).toMatchObject([{ path: 'secret', sensitive: true }])
  })

  test('that need a restart wait for leave', () => {
    const before = recordOf(desiredOf('Machine/web', { mode: 'a' }))
    const parts = { desired: [desiredOf('Machine/web', { mode: 'b' })], records: [before] }
    expect(planStack(inputOf(parts)).plan.steps[0]).not.toHaveProperty('restart')
    const allowed = planStack(inputOf({ ...parts, options: { restart: true } })).plan.steps[0]
    expect(allowed).toMatchObject({ restart: true, hazards: ['restarts-vm'] })
  })
})

describe('order', () => {
  const disk = desiredOf('Store/disk', { shape: 'flat' })
  const vm = desiredOf('Machine/vm', {}, { dependencies: ['Store/disk'] })

  test('makes dependencies first and deletes dependents first', () => {
    const make = planStack(inputOf({ desired: [vm, disk] })).plan.steps.map(step => step.id)
    expect(make).toEqual(['create Store/disk', 'create Machine/vm'])
    const unmake = planStack(inputOf({ records: [recordOf(disk), recordOf(vm)] })).plan.steps.map(
      step => step.id,
    )
    expect(unmake).toEqual(['delete Machine/vm', 'delete Store/disk'])
  })

  test('replaces what cannot live without a replaced dependency', () => {
    const round = desiredOf('Store/disk', { shape: 'round' })
    const { plan } = planStack(inputOf({ desired: [vm, round], records: [recordOf(disk), recordOf(vm)] }))
    expect(plan.steps.map(step => step.id)).toEqual([
      'replace-delete Machine/vm',
      'replace-delete Store/disk',
      'replace-create Store/disk',
      'replace-create Machine/vm',
    ])
  })

  describe('of one that is made before its old one goes', () => {
    const lifecycle = { createBeforeDestroy: true }
    const round = desiredOf('Store/disk', { shape: 'round' })
    const front = { ...vm, name: 'front', lifecycle }
    const records = [recordOf(disk), recordOf(vm)]

    test('what both of its objects need does the same', () => {
      const { plan, problems } = planStack(inputOf({ desired: [front, { ...round, name: 'drum' }], records }))
      expect(problems).toEqual([])
      expect(plan.steps.map(step => step.id)).toEqual([
        'replace-create Store/disk',
        'replace-create Machine/vm',
        'replace-delete Machine/vm',
        'replace-delete Store/disk',
      ])
    })

    test('what only the new one needs has its old one go first', () => {
      const before = [recordOf(disk), recordOf({ ...vm, dependencies: [] })]
      const { plan, problems } = planStack(inputOf({ desired: [front, round], records: before }))
      expect(problems).toEqual([])
      expect(plan.steps.map(step => step.id)).toEqual([
        'replace-delete Store/disk',
        'replace-create Store/disk',
        'replace-create Machine/vm',
        'replace-delete Machine/vm',
      ])
    })

    const impossible = [
      {
        reason: 'it keeps its name',
        desired: [{ ...vm, spec: { shape: 'round' }, lifecycle }, disk],
        at: 'Machine/vm',
        hint: 'Give the new one another name, or drop lifecycle.createBeforeDestroy.',
      },
      {
        reason: 'what both of its objects need keeps its name',
        desired: [front, round],
        at: 'Store/disk',
        hint: 'Give the new one another name, or drop lifecycle.createBeforeDestroy of Machine/vm.',
      },
    ]
    test.each(impossible)('is refused where $reason', ({ desired, at, hint }) => {
      const { problems } = planStack(inputOf({ desired, records }))
      expect(problems).toMatchObject([{ code: 'same-name-twice', address: at, hint }])
    })
  })

  test('makes an object anew that is to be called otherwise, and says why', () => {
    const front = { ...web, name: 'front' }
    const { plan } = planStack(inputOf({ desired: [front], records: [recordOf(web)] }))
    expect(plan.steps.map(step => [step.id, step.cause])).toEqual([
      ['replace-delete Machine/web', 'its name changes from web to front'],
      ['replace-create Machine/web', 'its name changes from web to front'],
    ])
  })

  test('frees a name before another resource takes it', () => {
    const renamed = desiredOf('Machine/front', {}, { name: 'web' })
    const { plan } = planStack(
      inputOf({
        desired: [renamed],
        records: [recordOf(web)],
        observed: { 'Machine/front': { status: 'absent' } },
      }),
    )
    expect(plan.steps.map(step => step.id)).toEqual(['delete Machine/web', 'create Machine/front'])
  })

  test('holds back what needs something unreadable', () => {
    const observed = { 'Store/disk': { status: 'unreadable', why: 'no answer' } } as const
    const { plan } = planStack(inputOf({ desired: [vm, disk], observed }))
    expect(plan.steps).toEqual([])
    expect(plan.incomplete).toBe(true)
    expect(plan.unreadable.map(one => one.address)).toEqual(['Machine/vm', 'Store/disk'])
  })

  test('lets go of a dependency before it is deleted', () => {
    const alone = desiredOf('Machine/vm', { colour: 'red' })
    const { plan } = planStack(
      inputOf({ desired: [alone], records: [recordOf(disk), recordOf({ ...vm, spec: { colour: 'blue' } })] }),
    )
    expect(plan.steps.map(step => step.id)).toEqual(['update Machine/vm', 'delete Store/disk'])
  })

  test('narrows to targets and what they need', () => {
    const other = desiredOf('Machine/other')
    const { plan } = planStack(inputOf({ desired: [vm, disk, other], options: { targets: ['Machine/vm'] } }))
    expect(plan.steps.map(step => step.address)).toEqual(['Store/disk', 'Machine/vm'])
  })
})

describe('a stack that declares nothing', () => {
  const vm = recordOf(desiredOf('Machine/vm'))
  const rows: readonly {
    readonly reason: string
    readonly parts: Parameters<typeof inputOf>[0]
    readonly told: true | undefined
  }[] = [
    { reason: 'and has something is told: all of it goes', parts: { records: [vm] }, told: true },
    {
      reason: 'and has something that protection keeps is told, too',
      parts: {
        records: [vm, recordOf(desiredOf('Store/kept', {}, { lifecycle: { retainOnDelete: true } }))],
      },
      told: true,
    },
    { reason: 'and has nothing has nothing to lose', parts: {}, told: undefined },
    {
      reason: 'is none where one resource is declared',
      parts: { records: [vm], desired: [desiredOf('Store/disk')] },
      told: undefined,
    },
    {
      reason: 'is what a destroy is about',
      parts: { records: [vm], options: { mode: 'destroy' } },
      told: undefined,
    },
    {
      reason: 'cannot be told by a way back or forward, which looks at a part',
      parts: { records: [vm], options: { only: new Set(['Machine/vm']) } },
      told: undefined,
    },
  ]
  test.each(rows)('$reason', ({ parts, told }) => {
    expect(planStack(inputOf(parts)).plan.declaresNothing).toBe(told)
  })
})
