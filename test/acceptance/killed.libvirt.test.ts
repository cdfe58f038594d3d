/**
 * kill -9 of infra at chosen instants: nothing is lost, nothing is there twice, and `recover` ends it either way. virsh and the
 * pool's folder say so. It is the whole life of a stack, made, changed, destroyed and brought back, that is cut off in each of
 * its acts, and so are the recoveries; test/crash does the same at any instant, by chance, test/sim at each, in a simulation.
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

/** The call at which it dies: before libvirtd hears of it, or once it is done. */
type Instant = Omit<Fault, 'before' | 'after'> & { readonly when?: 'after' }

const lab = await libvirtLab({ own: 22 })
const { domains: d, volumes: v, pools: p, snapshots, backups } = procedures

describe.skipIf('skip' in lab)(`infra killed${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { ask, domains, pools, networks, files, sweep } = eyes(lab)
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
      machine('vault', title),
      machine('booth', title, { powerState: 'stopped' }),
      resource('Network', 'back', { mode: 'isolated' }),
    )

  beforeAll(async () => {
    between = await wire(lab.socket, `${lab.poolPath}/../between.sock`)
  })
  beforeEach(async () => {
    here = await desk({ 'stack.yaml': stack() })
  })
  afterEach(async () => {
    between.arm(undefined)
    await here.clear()
    await sweep()
    await lab.inside('rm', '-rf', shop)
  })
  afterAll(async () => {
    await between?.close()
    await lab.clean()
  })

  /** Runs a command that dies at the fault. */
  const cutOff = async ({ when, ...fault }: Instant, ...args: readonly string[]) => {
    const running = here.start(...args)
    const kill = async () => void (await running.kill())
    between.arm({ ...fault, ...(when === 'after' ? { after: kill } : { before: kill }) })
    const { code, text } = await running.ended
    expect([code, between.came()], text).toEqual([undefined, true])
    between.arm(undefined)
  }
  /** Runs infra once more: after what was settled there is nothing to do. */
  const isDone = () => here.ok('plan', '--detailed-exitcode')
  const uuids = () => ask('domuuid vault', 'domuuid booth')
  const powers = () => ask('domstate vault', 'domstate booth')
  const isWhole = async (title: string) => {
    expect([await domains(), await pools(), await networks()]).toEqual([
      ['booth', 'vault'],
      ['shop'],
      ['back'],
    ])
    expect(await files('shop')).toEqual([
      'booth_boot',
      'booth_data-vdb',
      'stock',
      'vault_boot',
      'vault_data-vdb',
      'vault_serial.log',
    ])
    const titles = ['vault', 'booth'].flatMap(name =>
      ['--current', '--config'].map(form => `desc ${name} --title ${form}`),
    )
    expect(await ask(...titles)).toEqual([title, title, title, title])
    expect(await powers()).toEqual(['running', 'shut off'])
    expect(await lab.virsh('pool-info', 'shop')).toMatch(/State: +running/)
    const state = await here.state('shop')
    for (const one of await uuids()) expect(state).toContain(one)
  }
  const isEmpty = async () => {
    expect([await domains(), await pools(), await networks(), await files('shop')]).toEqual([[], [], [], []])
  }
  const refuses = async () => {
    const before = await files('shop')
    for (const command of [['plan'], ['apply', '--yes'], ['destroy', '--yes']]) {
      const { code, text } = await here.infra(...command)
      expect(text).toContain('infra recover')
      expect(code).toBe(4)
    }
    expect(await files('shop')).toEqual(before)
  }
  const forward = ['recover', '--forward', '--yes']
  const back = ['recover', '--back', '--yes']
  const after = 'after' as const

  test('a whole life, cut off in each of its acts and on the way forward and back from there', async () => {
    // made: it runs, then it is gone; after that the pool is not stored, a volume is there, a machine, and nothing runs yet
    await cutOff({ at: d.start, when: after }, 'apply', '--yes')
    await cutOff({ at: d.undefine, when: after }, ...back)
    expect(await here.ok(...back)).toContain('Rolled back')
    await isEmpty()
    await cutOff({ at: p.define }, 'apply', '--yes')
    await cutOff({ at: v.create, when: after }, ...forward)
    await cutOff({ at: d.define, when: after }, ...forward)
    await cutOff({ at: d.start }, ...forward)
    expect(await here.ok(...forward)).toContain('Applied')
    await isWhole('first')
    const was = await uuids()
    await writeFile(`${shop}/booth_data-vdb`, 'ledger', { flag: 'r+' })

    // changed: the running machine is defined anew; what is stored of it goes back, and the machine does not
    await here.write('stack.yaml', stack('second'))
    await cutOff({ at: d.define, when: after }, 'apply', '--yes')
    await refuses()
    await here.ok(...back)
    await cutOff({ at: d.setMetadata, when: after }, 'apply', '--yes')
    await cutOff({ at: d.setMetadata }, ...back)
    await here.ok(...forward)
    await isWhole('second')
    await isDone()

    // destroyed: one is off and undefined, so is the other; then no machine is undefined, and the pool runs still
    await cutOff({ at: d.undefine, nth: 2, when: after }, 'destroy', '--yes')
    await here.ok(...back)
    await isWhole('second')
    expect(await uuids()).toEqual(was)
    await cutOff({ at: d.undefine }, 'destroy', '--yes')
    await cutOff({ at: p.stop }, ...forward)
    await here.ok(...forward)
    expect([await domains(), await pools(), await networks()]).toEqual([[], [], []])

    // brought back: the first try is cut off, and undone; that one is the newest checkpoint, below it is the destroy
    await cutOff({ at: d.setMetadata }, 'rollback', '--yes', '--parallelism', '1')
    await here.ok(...back)
    expect(await domains()).toEqual([])
    const listed = JSON.parse(await here.ok('checkpoint', 'ls', '--json'))
    const destroy = listed.find((one: { command: string }) => one.command.includes('destroy'))
    await here.ok('rollback', '.', destroy.id, '--yes')
    await isWhole('second')
    await isDone()
    const ledger = (await readFile(`${shop}/booth_data-vdb`)).subarray(0, 6).toString()
    expect([await uuids(), ledger]).toEqual([was, 'ledger'])

    await here.ok('destroy', '--yes')
    await here.ok('checkpoint', 'prune', '--yes')
    await isEmpty()
  })

  /** What recover says of acts, once each has come to its end. */
  const settled = async (way: readonly string[]) => {
    const { code, out } = await here.infra(...way, '--json')
    expect(code, out).toBe(0)
    const told = JSON.parse(out)
    return told.settled.map((one: { text: string }) => one.text).sort()
  }

  // each act at each of its changes: test/providers/libvirt/acts/cut-off*
  test('acts on a machine are told by whatever would change something, and taken back or brought to their end', async () => {
    await here.ok('apply', '--yes')
    const stored = () => ask('dumpxml vault --inactive', 'dumpxml booth --inactive')
    const before = await stored()

    await cutOff({ at: d.destroy, when: after }, 'vm', 'restart', 'vault', '--force')
    const refused = await here.infra('vm', 'start', 'booth')
    expect([refused.code, refused.text]).toEqual([4, expect.stringContaining('restart vault on libvirt')])
    expect(await powers()).toEqual(['shut off', 'shut off'])
    expect(await settled(back)).toEqual(['vault runs.'])
    expect(await powers()).toEqual(['running', 'shut off'])

    await cutOff({ at: d.setMemory }, 'vm', 'resize', 'booth', '--vcpus', '2', '--memory', '128MiB')
    expect((await stored())[1]).toContain('>2</vcpu>')
    await settled(back)
    const rescue = ['vm', 'rescue', 'vault', '--timeout', '0', '--iso', 'shop:stock']
    await cutOff({ at: d.define, when: after }, ...rescue)
    expect((await stored())[0]).toContain("volume='stock'")
    await settled(back)
    expect(await stored()).toEqual(before)

    await cutOff({ at: snapshots.create, when: after }, 'vm', 'snapshot', 'create', 'now', 'vault')
    expect(await settled(back)).toEqual(['vault has no snapshot now.'])
    expect((await lab.virsh('snapshot-list', 'vault', '--name')).trim()).toBe('')
    await cutOff({ at: backups.begin, when: after }, 'vm', 'backup', 'create', 'vault')
    const [made] = await settled(forward)
    await here.ok('vm', 'backup', 'verify', /^\S+/.exec(made ?? '')?.[0] ?? '')
    await isWhole('first')
    await isDone()
  })
})
