/**
 * kill -9 of infra at chosen instants: nothing is lost, nothing is there twice, and `recover` ends it either way. virsh and the
 * pool's folder say so. Each test is the whole life of a stack, made, changed and destroyed, that is cut off at every act of
 * it; test/crash does the same at any instant, by chance.
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
interface Cuts {
  /** Undone. */
  readonly back: Instant
  /** Completed. */
  readonly forward: Instant
}
interface Life {
  readonly reason: string
  readonly made: Cuts
  /** Returns the machines' title after it. */
  readonly change: () => Promise<string>
  readonly gone: Cuts
}

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
      machine('vault', title),
      machine('booth', title, { powerState: 'stopped' }),
      resource('Network', 'back', { mode: 'isolated' }),
    )
  const whole = ['booth_boot', 'booth_data-vdb', 'stock', 'vault_boot', 'vault_data-vdb', 'vault_serial.log']

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
  const cutOff = async ({ when, ...fault }: Instant, ...args: readonly string[]) => {
    const running = here.start(...args)
    const kill = async () => void (await running.kill())
    between.arm({ ...fault, ...(when === 'after' ? { after: kill } : { before: kill }) })
    expect(await running.ended).toMatchObject({ code: undefined })
    expect(between.came()).toBe(true)
    between.arm(undefined)
  }
  const networks = async () =>
    (await lab.virsh('net-list', '--name')).split('\n').filter(name => name !== '' && name !== 'lab')
  const isWhole = async (title: string) => {
    expect(await domains()).toEqual(['booth', 'vault'])
    expect(await pools()).toEqual(['shop'])
    expect(await files('shop')).toEqual(whole)
    expect(await lab.virsh('pool-info', 'shop')).toMatch(/State: +running/)
    expect(await networks()).toEqual(['back'])
    for (const name of ['booth', 'vault']) {
      expect(await power(name)).toBe(name === 'vault' ? 'running' : 'shut off')
      for (const form of ['--current', '--config'])
        expect((await lab.virsh('desc', name, '--title', form)).trim()).toBe(title)
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

  const refuses = async () => {
    const before = await files('shop')
    for (const command of [['plan'], ['apply', '--yes'], ['destroy', '--yes']]) {
      const { code, text } = await here.infra(...command)
      expect(text).toContain('infra recover')
      expect(code).toBe(4)
    }
    expect(await files('shop')).toEqual(before)
  }
  const uuids = async () => [await uuid('vault'), await uuid('booth')]
  const ledger = async () => (await readFile(`${shop}/booth_data-vdb`)).subarray(0, 6).toString()

  /** Changes the title of both machines, cut off on its way; returns the title that it comes to. */
  const changed = (way: 'forward' | 'back') => async () => {
    await here.write('stack.yaml', stack('second'))
    if (way === 'back') {
      await cutOff({ at: d.define, when: 'after' }, 'apply', '--yes')
      await refuses()
    } else {
      // The running machine is changed already; then what is stored of it goes back, and the machine does not.
      await cutOff({ at: d.setMetadata, when: 'after' }, 'apply', '--yes')
      await cutOff({ at: d.setMetadata }, 'recover', '--back', '--yes')
    }
    await here.ok('recover', `--${way}`, '--yes')
    const title = way === 'forward' ? 'second' : 'first'
    await here.write('stack.yaml', stack(title))
    await isWhole(title)
    return title
  }
  /** Destroys all of it and brings it back by a rollback, whose first try is cut off and undone. */
  const broughtBack = (at: Instant) => async () => {
    await here.ok('destroy', '--yes')
    await cutOff(at, 'rollback', '--yes', '--parallelism', '1')
    await here.ok('recover', '--back', '--yes')
    expect(await domains()).toEqual([])
    // The rollback that was undone is the newest checkpoint; the one below it is the destroy.
    const listed = JSON.parse(await here.ok('checkpoint', 'ls', '--json'))
    const destroy = listed.find((one: { command: string }) => one.command.includes('destroy'))
    await here.ok('rollback', '.', destroy.id, '--yes')
    await isWhole('first')
    return 'first'
  }

  const after = 'after' as const
  test.each<Life>([
    {
      reason:
        'the pool is not stored, a machine is defined; machines change; one is off, the pool runs still',
      ...{ made: { back: { at: p.define }, forward: { at: d.define, when: 'after' } } },
      change: changed('forward'),
      ...{ gone: { back: { at: d.destroy, when: 'after' }, forward: { at: p.stop } } },
    },
    {
      reason:
        'a machine is started, one volume is there; machines change back; the pool is stopped, no machine is undefined',
      ...{ made: { back: { at: d.start, when: 'after' }, forward: { at: v.create, when: after } } },
      change: changed('back'),
      ...{ gone: { back: { at: p.stop, when: 'after' }, forward: { at: d.undefine } } },
    },
    {
      reason:
        'four volumes are there, the pool is stored; a machine is defined again; all are undefined, the network is stopped',
      ...{ made: { back: { at: v.create, nth: 4, when: 'after' }, forward: { at: p.define, when: after } } },
      change: broughtBack({ at: d.define, when: 'after' }),
      ...{ gone: { back: { at: d.undefine, nth: 2, when: 'after' }, forward: { at: n.stop, when: after } } },
    },
    {
      reason:
        'no machine is defined, none is started; its disks are back; the network is stopped, all are undefined',
      ...{ made: { back: { at: d.define }, forward: { at: d.start } } },
      change: broughtBack({ at: d.setMetadata }),
      ...{ gone: { back: { at: n.stop, when: 'after' }, forward: { at: d.undefine, nth: 2, when: after } } },
    },
  ])('$reason', async ({ made, change, gone }) => {
    await cutOff(made.back, 'apply', '--yes')
    expect(await here.ok('recover', '--back', '--yes')).toContain('Rolled back')
    await isEmpty()
    await cutOff(made.forward, 'apply', '--yes')
    expect(await here.ok('recover', '--forward', '--yes')).toContain('Applied')
    await isWhole('first')

    const was = await uuids()
    await writeFile(`${shop}/booth_data-vdb`, 'ledger', { flag: 'r+' })
    const title = await change()
    expect([await uuids(), await ledger()]).toEqual([was, 'ledger'])

    await cutOff(gone.back, 'destroy', '--yes')
    await here.ok('recover', '--back', '--yes')
    await isWhole(title)
    expect([await uuids(), await ledger()]).toEqual([was, 'ledger'])
    await cutOff(gone.forward, 'destroy', '--yes')
    await here.ok('recover', '--forward', '--yes')
    await here.ok('checkpoint', 'prune', '--yes')
    await isEmpty()
  })

  /** What recover says of acts, once each has come to its end. */
  const settled = async (way: 'forward' | 'back') => {
    const told = JSON.parse((await here.infra('recover', `--${way}`, '--yes', '--json')).out)
    expect(told.errors).toBeUndefined()
    return told.settled.map((one: { text: string }) => one.text).sort()
  }

  test('an act on a machine is told by whatever would change something, and taken back', async () => {
    await here.ok('apply', '--yes')
    const powers = async () => [await power('vault'), await power('booth')]
    const stored = async (name: string) => lab.virsh('dumpxml', name, '--inactive')
    const before = [await stored('vault'), await stored('booth')]

    await cutOff({ at: d.destroy, when: 'after' }, 'vm', 'restart', 'vault', '--force')
    const refused = await here.infra('vm', 'start', 'booth')
    expect([refused.code, refused.text]).toEqual([4, expect.stringContaining('restart vault on libvirt')])
    expect(await powers()).toEqual(['shut off', 'shut off'])
    expect(await settled('back')).toEqual(['vault runs.'])
    expect(await powers()).toEqual(['running', 'shut off'])

    await cutOff({ at: d.setMemory }, 'vm', 'resize', 'booth', '--vcpus', '2', '--memory', '128MiB')
    expect(await stored('booth')).toContain('>2</vcpu>')
    await settled('back')
    await cutOff(
      { at: d.define, when: 'after' },
      'vm',
      'rescue',
      'vault',
      '--timeout',
      '0',
      '--iso',
      'shop:stock',
    )
    expect(await stored('vault')).toContain("volume='stock'")
    await settled('back')
    expect([await stored('vault'), await stored('booth')]).toEqual(before)
    await isWhole('first')
  })

  test('a snapshot that was being taken is taken back; a backup that QEMU was copying is made', async () => {
    const { snapshots, backups } = procedures
    await here.ok('apply', '--yes')
    await cutOff({ at: snapshots.create, when: 'after' }, 'vm', 'snapshot', 'create', 'now', 'vault')
    expect((await here.infra('vm', 'snapshot', 'delete', 'now', 'vault')).text).toContain('infra recover')
    expect(await settled('back')).toEqual(['vault has no snapshot now.'])
    expect((await lab.virsh('snapshot-list', 'vault', '--name')).trim()).toBe('')
    await isWhole('first')
    await cutOff({ at: backups.begin, when: 'after' }, 'vm', 'backup', 'create', 'vault')
    const [made] = await settled('forward')
    await here.ok('vm', 'backup', 'verify', /^\S+/.exec(made ?? '')?.[0] ?? '')
    await isWhole('first')
  })
})
