/**
 * kill -9 of infra at chosen instants of an apply and of a destroy: nothing is lost, nothing is there twice, and `recover`
 * ends it either way. virsh and the pool's folder say so.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { procedures } from '../../src/providers/libvirt/rpc/procedures/index.js'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { bareMachine, resource, stackText } from './documents.js'
import { eyes } from './eyes.js'
import { type Fault, type Wire, wire } from './wire.js'

const lab = await libvirtLab({ own: 22 })
const { domains: d, volumes: v, pools: p, networks: n } = procedures

describe.skipIf('skip' in lab)(`infra killed${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { domains, pools, files, power, uuid } = eyes(lab)
  const shop = `${lab.poolPath}/shop`
  let between: Wire
  let here: Desk

  const machine = (name: string, title: string, more: Attributes = {}) =>
    bareMachine(name, 'shop', { title, dataDisks: [{ device: 'vdb', sizeGB: 0.01, format: 'raw' }], ...more })
  const stack = (title = 'first') =>
    stackText(
      between.uri,
      resource('StoragePool', 'shop', { path: shop }),
      resource('Volume', 'stock', { pool: 'shop', size: '1MiB' }),
      machine('till', title),
      machine('desk', title, { powerState: 'stopped' }),
      resource('Network', 'back', { mode: 'isolated' }),
    )
  const whole = ['desk_boot', 'desk_data-vdb', 'stock', 'till_boot', 'till_data-vdb', 'till_serial.log']

  beforeAll(async () => {
    between = await wire(lab.socket, `${lab.poolPath}/../between.sock`)
  })
  beforeEach(async () => {
    here = await desk({ 'stack.yaml': stack() })
  })
  afterEach(async () => {
    between.arm(undefined)
    await here.clear()
    for (const name of await domains()) {
      await lab.virsh('destroy', name).catch(() => undefined)
      await lab.virsh('undefine', name)
    }
    for (const name of await pools()) {
      await lab.virsh('pool-destroy', name).catch(() => undefined)
      await lab.virsh('pool-undefine', name)
    }
    if ((await networks()).length > 0) await lab.virsh('net-destroy', 'back')
    await lab.virsh('net-undefine', 'back').catch(() => undefined)
    await lab.inside('rm', '-rf', shop)
  })
  afterAll(async () => {
    await between?.close()
    await lab.clean()
  })

  /** Runs a command that dies at the fault. */
  const cutOff = async (
    at: Omit<Fault, 'before' | 'after'> & { readonly when?: 'after' },
    ...args: readonly string[]
  ) => {
    const { when, ...fault } = at
    const running = here.start(...args)
    const kill = async () => void (await running.kill())
    between.arm({ ...fault, ...(when === 'after' ? { after: kill } : { before: kill }) })
    expect(await running.ended).toMatchObject({ code: undefined })
    expect(between.came()).toBe(true)
    between.arm(undefined)
  }
  const refusesUntilSettled = async () => {
    for (const command of [['plan'], ['apply', '--yes'], ['destroy', '--yes']]) {
      const { code, text } = await here.infra(...command)
      expect(text).toContain('infra recover')
      expect(code).toBe(4)
    }
  }
  const networks = async () =>
    (await lab.virsh('net-list', '--name')).split('\n').filter(name => name !== '' && name !== 'lab')
  const isWhole = async (title: string) => {
    expect(await domains()).toEqual(['desk', 'till'])
    expect(await pools()).toEqual(['shop'])
    expect(await files('shop')).toEqual(whole)
    expect(await lab.virsh('pool-info', 'shop')).toMatch(/State: +running/)
    expect(await networks()).toEqual(['back'])
    for (const name of ['desk', 'till']) {
      expect(await power(name)).toBe(name === 'till' ? 'running' : 'shut off')
      expect((await lab.virsh('desc', name, '--title')).trim()).toBe(title)
      expect(await here.state('shop')).toContain(await uuid(name))
    }
    await here.ok('plan', '--detailed-exitcode')
  }
  const isEmpty = async () => {
    expect(await domains()).toEqual([])
    expect(await pools()).toEqual([])
    expect(await files('shop')).toEqual([])
    expect(await networks()).toEqual([])
  }

  describe.each([
    { reason: 'once the pool runs, and is not stored', at: p.define },
    { reason: 'once the pool is stored', at: p.define, when: 'after' as const },
    { reason: 'once the first volume is there', at: v.create, when: 'after' as const },
    { reason: 'before the first machine is defined', at: d.define },
    { reason: 'once the first machine is defined', at: d.define, when: 'after' as const },
    { reason: 'once the fourth volume is there', at: v.create, nth: 4, when: 'after' as const },
    { reason: 'before a machine is started', at: d.start },
    { reason: 'once a machine is started', at: d.start, when: 'after' as const },
  ])('in an apply, $reason', ({ reason: _, ...at }) => {
    test('forward: it is completed, with nothing twice', async () => {
      await cutOff(at, 'apply', '--yes')
      expect(await here.ok('recover', '--forward', '--yes')).toContain('Applied')
      await isWhole('first')
    })
    test('back: nothing is left', async () => {
      await cutOff(at, 'apply', '--yes')
      expect(await here.ok('recover', '--back', '--yes')).toContain('Rolled back')
      await isEmpty()
      expect((await here.infra('plan')).text).toContain('5 to create')
    })
  })

  test('what is open is told by every command that would go on, and changes nothing', async () => {
    await cutOff({ at: d.define, nth: 2, when: 'after' }, 'apply', '--yes')
    const before = await files('shop')
    await refusesUntilSettled()
    expect(await files('shop')).toEqual(before)
  })

  test.each([
    { reason: 'forward', title: 'second' },
    { reason: 'back', title: 'first' },
  ])('in a change of both machines: $reason', async ({ reason, title }) => {
    await here.ok('apply', '--yes')
    const was = [await uuid('till'), await uuid('desk')]
    await here.write('stack.yaml', stack('second'))
    await cutOff({ at: d.define, when: 'after' }, 'apply', '--yes')
    await here.ok('recover', `--${reason}`, '--yes')
    await here.write('stack.yaml', stack(title))
    await isWhole(title)
    expect([await uuid('till'), await uuid('desk')]).toEqual(was)
  })

  describe.each([
    { reason: 'once a machine is switched off', at: d.destroy, when: 'after' as const },
    { reason: 'before the first machine is undefined', at: d.undefine },
    { reason: 'once the second machine is undefined', at: d.undefine, nth: 2, when: 'after' as const },
    { reason: 'before the pool is stopped', at: p.stop },
    { reason: 'once the pool is stopped', at: p.stop, when: 'after' as const },
    { reason: 'once the network is stopped', at: n.stop, when: 'after' as const },
  ])('in a destroy, $reason', ({ reason: _, ...at }) => {
    test('forward and pruned: nothing is left; back: all of it returns with its bytes', async () => {
      await here.ok('apply', '--yes')
      const was = [await uuid('till'), await uuid('desk')]
      await writeFile(`${shop}/desk_data-vdb`, 'ledger', { flag: 'r+' })

      await cutOff(at, 'destroy', '--yes')
      await here.ok('recover', '--back', '--yes')
      await isWhole('first')
      expect([await uuid('till'), await uuid('desk')]).toEqual(was)
      expect((await readFile(`${shop}/desk_data-vdb`)).subarray(0, 6).toString()).toBe('ledger')

      await cutOff(at, 'destroy', '--yes')
      await here.ok('recover', '--forward', '--yes')
      await here.ok('checkpoint', 'prune', '--yes')
      await isEmpty()
    })
  })

  describe.each([
    { reason: 'once the machine is defined again', at: d.define, when: 'after' as const },
    { reason: 'once its disks are back', at: d.setMetadata },
  ])('in a rollback that brings a machine back, $reason', ({ reason: _, ...at }) => {
    test('back, the data is put aside again, and another rollback has it', async () => {
      await here.ok('apply', '--yes')
      await writeFile(`${shop}/desk_data-vdb`, 'ledger', { flag: 'r+' })
      await here.ok('destroy', '--yes')
      await cutOff(at, 'rollback', '--yes', '--parallelism', '1')
      await here.ok('recover', '--back', '--yes')
      expect(await domains()).toEqual([])
      // The rollback that was undone is the newest checkpoint; the one below it is the destroy.
      const listed = JSON.parse(await here.ok('checkpoint', 'ls', '--json'))
      const destroy = listed.find((one: { command: string }) => one.command.includes('destroy'))
      await here.ok('rollback', '.', destroy.id, '--yes')
      await isWhole('first')
      expect((await readFile(`${shop}/desk_data-vdb`)).subarray(0, 6).toString()).toBe('ledger')
    })
  })
})
