import { afterEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../src/providers/embedded/faults.js'
import { desiredOf } from '../planner/fixtures.js'
import { type TestWorld, testWorld } from './test-world.js'

const open: TestWorld[] = []
afterEach(async () => {
  for (const world of open.splice(0)) await world.dispose()
})

async function world(faults: readonly Fault[] = []): Promise<TestWorld> {
  const made = await testWorld(faults)
  open.push(made)
  return made
}

const disk = desiredOf('Store/disk', { size: 1, colour: 'red' })
const vm = desiredOf('Machine/vm', { colour: 'red', mode: 'a' }, { dependencies: ['Store/disk'] })

describe('an apply', () => {
  test('makes what is desired, and the next plan has nothing to do', async () => {
    const here = await world()
    const outcome = await here.apply([vm, disk])
    expect(outcome).toMatchObject({ result: 'applied', done: 2, failures: [] })
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec, 'Machine/vm': vm.spec })
    expect((await here.plan([vm, disk])).plan.steps).toEqual([])
  })

  test('changes, replaces and deletes', async () => {
    const here = await world()
    await here.apply([vm, disk])
    const grown = { ...disk, spec: { size: 5, colour: 'blue' } }
    const outcome = await here.apply([grown])
    expect(outcome.result).toBe('applied')
    expect(await here.objects()).toEqual({ 'Store/disk': grown.spec })
    expect((await here.plan([grown])).plan.steps).toEqual([])
  })

  test('stores what waits for a restart, and tells of it', async () => {
    const here = await world()
    await here.apply([vm, disk])
    const changed = { ...vm, spec: { ...vm.spec, mode: 'b' } }
    await here.apply([changed, disk])
    const { plan } = await here.plan([changed, disk])
    expect(plan.steps).toEqual([])
    expect(plan.pending).toEqual([{ address: 'Machine/vm', paths: ['mode'] }])
    expect((await here.plan([changed, disk], { restart: true })).plan.steps).toMatchObject([
      { action: 'update', restart: true },
    ])
  })
})

describe('a failing step', () => {
  const calls: readonly { readonly does: Fault['does']; readonly reason: string }[] = [
    { does: 'fail', reason: 'refused and changed nothing' },
    { does: 'fail-after', reason: 'reported a failure after having done it' },
    { does: 'half', reason: 'stopped half-way' },
    { does: 'lie', reason: 'reported success and changed nothing' },
  ]

  test.each(calls)('create: $reason; everything is put back', async ({ does }) => {
    const here = await world([{ call: 'create', address: 'Machine/vm', does, times: 1 }])
    const outcome = await here.apply([vm, disk])
    expect(outcome.result).toBe('rolled-back')
    expect(outcome.failures.map(failure => failure.step.address)).toEqual(['Machine/vm'])
    expect(await here.objects()).toEqual({})
    expect((await here.state())?.resources).toEqual({})
  })

  test.each(calls)('update: $reason; everything is put back', async ({ does }) => {
    const here = await world([{ call: 'update', address: 'Machine/vm', does, times: 1 }])
    await here.apply([vm, disk])
    const before = await here.state()
    const outcome = await here.apply([
      { ...vm, spec: { colour: 'blue', mode: 'b' } },
      { ...disk, spec: { ...disk.spec, colour: 'blue' } },
    ])
    expect(outcome.result).toBe('rolled-back')
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec, 'Machine/vm': vm.spec })
    expect((await here.state())?.resources).toEqual(before?.resources)
  })

  test.each(calls)('delete: $reason; everything is put back', async ({ does }) => {
    const here = await world([{ call: 'delete', address: 'Store/disk', does, times: 1 }])
    await here.apply([vm, disk])
    const before = await here.state()
    const outcome = await here.apply([])
    expect(outcome.result).toBe('rolled-back')
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec, 'Machine/vm': vm.spec })
    expect((await here.state())?.resources).toEqual(before?.resources)
  })

  test('restores what was drifted to what it was, not to what was recorded', async () => {
    const here = await world([{ call: 'create', address: 'Machine/new', does: 'fail' }])
    await here.apply([disk])
    const state = await here.state()
    const record = state?.resources['Store/disk']
    if (!state || !record) throw new Error('nothing was recorded')
    const provider = await here.provider()
    const owner = { lineage: state.lineage, address: 'Store/disk' }
    const drifted = { ...disk.spec, colour: 'green' }
    await provider.update(
      { ...record, owner, spec: drifted, from: disk.spec, changes: [], restart: false },
      { signal: new AbortController().signal, keep: async () => undefined, progress: () => undefined },
    )
    await provider.close()
    const outcome = await here.apply([disk, desiredOf('Machine/new', {}, { dependencies: ['Store/disk'] })])
    expect(outcome.result).toBe('rolled-back')
    expect(await here.objects()).toEqual({ 'Store/disk': drifted })
    expect((await here.state())?.resources['Store/disk']?.spec).toEqual(disk.spec)
  })

  test('can be kept, and the next apply does the rest', async () => {
    const faults: Fault[] = [{ call: 'create', address: 'Machine/vm', does: 'half' }]
    const here = await world(faults)
    const outcome = await here.apply([vm, disk], { onFailure: async () => 'stop' })
    faults.length = 0
    expect(outcome.result).toBe('stopped')
    expect((await here.state())?.resources['Machine/vm']?.tainted).toBeDefined()
    expect((await here.apply([vm, disk])).result).toBe('applied')
    expect((await here.plan([vm, disk])).plan.steps).toEqual([])
  })

  test('can be tried again', async () => {
    const here = await world([{ call: 'create', address: 'Machine/vm', does: 'half', times: 1 }])
    const outcome = await here.apply([vm, disk], { onFailure: async () => 'retry' })
    expect(outcome.result).toBe('applied')
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec, 'Machine/vm': vm.spec })
  })

  test('on the way back too leaves the journal open, and recover goes on', async () => {
    const faults: Fault[] = [
      { call: 'create', address: 'Machine/vm', does: 'fail', times: 1 },
      { call: 'delete', address: 'Store/disk', does: 'fail', times: 1 },
    ]
    const here = await world(faults)
    const outcome = await here.apply([vm, disk])
    expect(outcome.result).toBe('open')
    await expect(here.apply([vm, disk])).rejects.toMatchObject({ code: 'journal-open' })
    faults.length = 0
    expect((await here.recover('back'))?.result).toBe('rolled-back')
    expect(await here.objects()).toEqual({})
    expect(await here.recover('back')).toBeUndefined()
  })
})

describe('a rollback', () => {
  test('brings back deleted data, undoes changes, and removes what was made', async () => {
    const here = await world()
    await here.apply([vm, disk])
    const before = (await here.state())?.resources
    await here.apply([{ ...disk, spec: { ...disk.spec, shape: 'round' } }, desiredOf('Machine/other')])
    expect((await here.rollback()).result).toBe('applied')
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec, 'Machine/vm': vm.spec })
    const after = (await here.state())?.resources
    expect(after?.['Store/disk']?.identity).toEqual(before?.['Store/disk']?.identity)
    expect((await here.plan([vm, disk])).plan.steps).toEqual([])
  })

  test('can itself be undone', async () => {
    const here = await world()
    await here.apply([disk])
    await here.apply([])
    expect(await here.objects()).toEqual({})
    await here.rollback()
    expect(await here.objects()).toEqual({ 'Store/disk': disk.spec })
    await here.rollback()
    expect(await here.objects()).toEqual({})
  })

  test('goes back over several applies', async () => {
    const here = await world()
    const first = await here.apply([disk])
    await here.apply([disk, vm])
    await here.apply([])
    await here.rollback(first.checkpoint?.id)
    expect(await here.objects()).toEqual({})
    expect((await here.state())?.resources).toEqual({})
  })
})
