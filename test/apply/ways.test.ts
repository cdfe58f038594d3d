import { describe, expect, it } from 'vitest'
import { foldJournal } from '../../src/apply/fold.js'
import type { JournalRecord } from '../../src/apply/record.js'
import { wayBack, wayForward } from '../../src/apply/ways.js'
import { planStack } from '../../src/planner/plan-stack.js'
import type { Identity, Observation } from '../../src/providers/provider.js'
import { kinds } from '../../src/session/provider-types.js'
import type { ResourceRecord } from '../../src/state/document.js'
import { desiredOf, identityOf, lineage, recordOf } from '../planner/fixtures.js'

const metaOf = (name: string) => ({ name, labels: {}, annotations: {} })

function kindOf(name: string) {
  const kind = kinds.get(name)
  if (!kind) throw new Error(`there is no kind ${name}`)
  return kind
}

/** The journal of an apply that puts `Volume/home` back to what `token` says, cut off behind the intent of its delete. */
function cutOff(now: Identity, back: Identity) {
  const address = 'Volume/home'
  const document = { address, kind: 'Volume', name: 'home', connection: 'x', spec: {}, labels: {} }
  const record = { ...document, identity: now, facts: {}, sensitive: [], dependencies: [], lifecycle: {} }
  const step = { address, kind: 'Volume', name: 'home', connection: 'x', action: 'replace', changes: [] }
  const steps = [
    { ...step, id: `replace-delete ${address}`, phase: 'delete', before: { spec: {}, identity: now } },
    { ...step, id: `replace-create ${address}`, phase: 'create', desired: document },
  ].map(one => (one.phase === 'create' ? { ...one, restore: { identity: back, token: 'kept' } } : one))
  const journal = [
    { type: 'open', format: 1, id: 'a', at: 0, command: 'infra', lineage: 'l', serial: 1 },
    { type: 'plan', direction: 'forward', plan: { mode: 'rollback', steps, observed: {} } },
    { type: 'intent', step: `replace-delete ${address}`, identity: now, trash: 't', from: {} },
  ] as unknown as readonly JournalRecord[]
  const base = { [address]: record } as unknown as Parameters<typeof foldJournal>[0]
  return { address, base, folded: foldJournal(base, journal) }
}

const present = (identity: Identity): Observation => ({ status: 'present', identity, spec: {}, facts: {} })

describe('the way forward of something that was to be put back', () => {
  const [now, back] = [{ uuid: '1' }, { uuid: '2' }]
  const cases: readonly {
    readonly reason: string
    readonly from: Identity
    readonly seen: Observation
    readonly to: unknown
  }[] = [
    {
      reason: 'still leads there where its delete has done nothing yet',
      ...{ from: now, seen: present(now), to: { identity: back, token: 'kept' } },
    },
    {
      reason: 'still leads there where its delete has come through',
      ...{ from: now, seen: { status: 'absent' }, to: { identity: back, token: 'kept' } },
    },
    {
      reason: 'has nothing left to put back where it is there',
      from: back,
      seen: present(back),
      to: undefined,
    },
  ]
  for (const { reason, from, seen, to } of cases) {
    it(reason, () => {
      const { address, base, folded } = cutOff(from, back)
      const way = wayForward(folded, base, new Map([[address, seen]]))
      expect(way.restore?.get(address)).toEqual(to)
      expect(way.options.mode).toBe('rollback')
    })
  }
})

describe('a new object that could not be made beside the old one', () => {
  it('is not there where the old one is found under its name: that one is as it was', () => {
    const address = 'Volume/home'
    const desired = desiredOf(address, { shape: 'round' })
    const old = recordOf(desiredOf(address, { shape: 'flat' }))
    const half = {
      address,
      kind: 'Volume',
      name: 'home',
      connection: 'embedded',
      action: 'replace',
      changes: [],
    }
    const steps = [{ ...half, id: `replace-create ${address}`, phase: 'create', desired }]
    const journal = [
      { type: 'open', format: 1, id: 'a', at: 0, command: 'infra', lineage, serial: 1 },
      { type: 'plan', direction: 'forward', plan: { mode: 'apply', steps, observed: {} } },
      { type: 'intent', step: `replace-create ${address}`, identity: { uuid: 'new' }, trash: 't' },
    ] as unknown as readonly JournalRecord[]
    const base = { [address]: old }
    const seen: Observation = { ...present(old.identity), owner: { lineage, address } } as Observation
    const way = wayBack(foldJournal(base, journal), base, new Map([[address, seen]]))
    expect(way.records).toEqual(base)
  })
})

describe('protection on the way forward', () => {
  it('holds for what was there before the apply, and not for what the apply has made itself', () => {
    const address = 'Volume/home'
    const document = { address, kind: 'Volume', name: 'home', connection: 'x', spec: {}, labels: {} }
    const recordOf = (identity: Identity) => ({
      ...{ ...document, identity, facts: {}, sensitive: [], dependencies: [], lifecycle: {} },
    })
    const half = { address, kind: 'Volume', name: 'home', connection: 'x', action: 'replace', changes: [] }
    const steps = [
      { ...half, id: `replace-create ${address}`, phase: 'create', desired: document },
      {
        ...half,
        id: `replace-delete ${address}`,
        phase: 'delete',
        before: { spec: {}, identity: { uuid: '1' } },
      },
    ]
    const journal = [
      { type: 'open', format: 1, id: 'a', at: 0, command: 'infra', lineage: 'l', serial: 1 },
      { type: 'plan', direction: 'forward', plan: { mode: 'apply', steps, observed: {} } },
      { type: 'intent', step: `replace-create ${address}`, identity: { uuid: '2' }, trash: 't' },
      { type: 'done', step: `replace-create ${address}`, record: recordOf({ uuid: '2' }), milliseconds: 1 },
    ] as unknown as readonly JournalRecord[]
    const base = { [address]: recordOf({ uuid: '1' }) } as unknown as Parameters<typeof foldJournal>[0]
    const way = wayForward(foldJournal(base, journal), base, new Map())
    expect(Object.keys(way.records).sort()).toEqual([address, `${address}[~former]`])
    expect(way.options.unprotected).toEqual(new Set([address]))
  })
})

describe('a pool whose delete was cut off once it was stopped', () => {
  const volume = desiredOf(
    'Volume/data',
    kindOf('Volume').canonical({ pool: 'disks', size: '1GiB' }, metaOf('data')),
    { dependencies: ['StoragePool/disks'] },
  )
  const pool = desiredOf(
    'StoragePool/disks',
    kindOf('StoragePool').canonical({ path: '/srv/disks' }, metaOf('disks')),
  )
  const made = [pool, volume].map(one => recordOf(one))
  const undone = (records: readonly object[]) => [
    { type: 'open', format: 1, id: 'a', at: 0, command: 'infra', lineage, serial: 1 },
    ...records,
    { type: 'intent', step: 'delete StoragePool/disks', identity: identityOf(pool.address), trash: 't' },
  ]
  const stepOf = (action: string, one: typeof pool, more: object = {}) => ({
    ...{ id: `${action} ${one.address}`, action, address: one.address, kind: one.kind, name: one.name },
    ...{ connection: one.connection, needs: [], changes: [], hazards: [], undo: { how: 'delete', text: '' } },
    ...more,
  })
  const deleted = (one: typeof pool) =>
    stepOf('delete', one, { before: { spec: one.spec, sensitive: [], identity: identityOf(one.address) } })
  const created = (one: typeof pool) => stepOf('create', one, { desired: one })
  const doneOf = (step: string, record: unknown) => ({ type: 'done', step, record, milliseconds: 1 })
  const cases: {
    reason: string
    base: readonly ResourceRecord[]
    journal: readonly object[]
    goes: 'forward' | 'back'
  }[] = [
    {
      reason: 'on the way back of an apply that had made it goes forward',
      goes: 'forward',
      base: [],
      journal: [
        {
          type: 'plan',
          direction: 'forward',
          plan: { mode: 'apply', steps: [created(pool), created(volume)], observed: {} },
        },
        doneOf('create StoragePool/disks', made[0]),
        doneOf('create Volume/data', made[1]),
        {
          type: 'plan',
          direction: 'back',
          plan: { mode: 'rollback', steps: [deleted(volume), deleted(pool)], observed: {} },
        },
      ],
    },
    {
      reason: 'by a destroy goes back',
      goes: 'back',
      base: made,
      journal: [
        {
          type: 'plan',
          direction: 'forward',
          plan: { mode: 'destroy', steps: [deleted(volume), deleted(pool)], observed: {} },
        },
      ],
    },
  ]
  it.each(cases)('$reason', ({ base, journal, goes }) => {
    const records = Object.fromEntries(base.map(one => [one.address, one]))
    const all = undone([...journal, doneOf('delete Volume/data', null)]) as unknown as JournalRecord[]
    const folded = foldJournal(records, all)
    const stopped = present(identityOf(pool.address))
    const seen = new Map<string, Observation>([
      ['StoragePool/disks', { ...stopped, spec: { ...pool.spec, autostart: false } } as Observation],
      ['Volume/data', { status: 'unreadable', why: 'the pool disks is not active' }],
    ])
    const way = (goes === 'back' ? wayBack : wayForward)(folded, records, seen)
    const { plan, problems } = planStack({
      ...{ stack: 'test', desired: way.desired, observed: way.observed, kinds, connections: {}, outputs: {} },
      ...{ state: { lineage, serial: 1, resources: way.records }, options: way.options },
      ...(way.restore && { restore: way.restore }),
    })
    expect([problems, plan.unreadable]).toEqual([[], []])
    expect(plan.steps.map(step => step.id)).toEqual(['update StoragePool/disks', 'create Volume/data'])
  })

  it.each([
    { way: 'back', find: wayBack, to: 'update StoragePool/disks' },
    { way: 'forward', find: wayForward, to: 'delete StoragePool/disks' },
  ])('leads $way by a step of its own where it reads as if nothing were done', ({ find, to }) => {
    const base = { [pool.address]: recordOf(pool) }
    const plan = { mode: 'destroy', steps: [deleted(pool)], observed: {} }
    const journal = undone([{ type: 'plan', direction: 'forward', plan }]) as unknown as JournalRecord[]
    const seen = { ...present(identityOf(pool.address)), spec: pool.spec } as Observation
    const way = find(foldJournal(base, journal), base, new Map([[pool.address, seen]]))
    const made = planStack({
      ...{ stack: 'test', desired: way.desired, observed: way.observed, kinds, connections: {}, outputs: {} },
      ...{ state: { lineage, serial: 1, resources: way.records }, options: way.options },
    })
    expect(made.plan.steps.map(step => step.id)).toEqual([to])
  })
})
