/**
 * libvirtd itself fails: killed in the middle of a read or a change, restarted, frozen, refusing. What cannot be read is never
 * taken for gone, and an apply ends in a clear error, a rollback, and a world that virsh confirms.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { procedures } from '../../src/providers/libvirt/rpc/procedures/index.js'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { bareMachine, resource, stackText } from './documents.js'
import { eyes } from './eyes.js'
import { type Wire, wire } from './wire.js'

const lab = await libvirtLab({ own: 23 })
const { domains: d, volumes: v, pools: p } = procedures

describe.skipIf('skip' in lab)(`libvirtd fails${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const { domains, pools, files, power, sweep } = eyes(lab)
  const shop = `${lab.poolPath}/shop`
  let between: Wire
  let here: Desk

  const machine = (name: string) =>
    bareMachine(name, 'shop', {
      powerState: 'stopped',
      dataDisks: [{ device: 'vdb', sizeGB: 0.01, format: 'raw' }],
    })
  const documents = [
    resource('StoragePool', 'shop', { path: shop }),
    resource('Volume', 'stock', { pool: 'shop', size: '1MiB' }),
    machine('counter'),
    machine('ledger'),
  ]
  /** Restarts that are under way: infra may be at its end before libvirtd is there again. */
  let restarts: Promise<void>[] = []
  const restart = () => {
    const one = lab.kill().then(lab.start)
    restarts.push(one)
    return one
  }
  const isEmpty = async () => {
    expect(await domains()).toEqual([])
    expect(await pools()).toEqual([])
    expect(await files('shop')).toEqual([])
  }

  const begin = async () => {
    here = await desk({ 'stack.yaml': stackText(between.uri, ...documents) })
  }
  /** libvirtd is well again, whatever became of it. */
  const mend = async () => {
    between.arm(undefined)
    await Promise.allSettled(restarts)
    restarts = []
    await lab.continue().catch(() => undefined)
    await lab.start()
  }
  const end = async () => {
    await here.clear()
    await sweep()
    await lab.inside('rm', '-rf', shop)
  }

  beforeAll(async () => {
    between = await wire(lab.socket, `${lab.poolPath}/../between.sock`)
  })
  afterAll(async () => {
    await between?.close()
    await lab.clean()
  })

  /** A plan that could not read everything says so, offers to make nothing, and leaves the state as it was. */
  const saysIncomplete = async (command: readonly string[], state: string) => {
    const { code, text } = await here.infra(...command)
    expect(between.came()).toBe(true)
    expect(code, text).toBe(3)
    expect(text).toMatch(/incomplete|not be read|Cannot connect/)
    expect(text).not.toMatch(/to create|\+ (create|VirtualMachine|Volume|StoragePool)/)
    expect(await here.state('shop')).toBe(state)
    return text
  }

  describe('in the middle of a read', () => {
    // nothing of it may change anything: one apply serves them all
    let state = ''
    beforeAll(async () => {
      await begin()
      await here.setUp()
      state = await here.state('shop')
    })
    afterEach(mend)
    afterAll(end)

    test.each([
      { reason: 'at the first list', at: p.lookupByName, command: ['plan'] },
      { reason: 'when half the machines are read', at: d.xml, command: ['apply', '--yes'] },
      { reason: 'when half the volumes are read', at: v.xml, nth: 2, command: ['destroy', '--yes'] },
    ])(
      '$command.0, killed $reason, and gone: nothing is taken for gone',
      async ({ at, nth = 1, command }) => {
        between.arm({ at, nth, before: lab.kill })
        await saysIncomplete(command, state)
        await lab.start()
        expect(await domains()).toEqual(['counter', 'ledger'])
      },
    )

    test('killed and there again at once: a plan that is whole, or says that it is not', async () => {
      between.arm({ at: d.xml, before: restart })
      const { code, text } = await here.infra('plan', '--detailed-exitcode')
      expect(text).not.toContain('to create')
      // every error is 1 with --detailed-exitcode
      expect([0, 1], text).toContain(code)
      await mend()
      await here.ok('plan', '--detailed-exitcode')
    })

    test.each([
      { reason: 'too many open files', code: 38, at: d.lookupByUuid, command: 'plan' },
      { reason: 'access denied', code: 88, at: d.lookupByUuid, command: 'drift' },
      { reason: 'an internal error', code: 1, at: d.xml, command: 'plan' },
      { reason: 'an error of a volume', code: 38, at: v.xml, command: 'drift' },
      { reason: 'an error of the pool', code: 38, at: p.lookupByName, command: 'plan' },
    ])('$command: $reason is not “gone”', async ({ reason, code, at, command }) => {
      between.arm({ at, nth: 'every', error: { code, domain: 10, message: reason } })
      expect(await saysIncomplete([command], state)).toContain(reason)
    })
  })

  describe('in the middle of an apply', () => {
    beforeEach(begin)
    afterEach(async () => {
      await mend()
      await end()
    })

    test.each([
      { reason: 'killed and started again when a volume is to be made', at: v.create },
      { reason: 'killed and started again once a machine is defined', at: d.define, after: true },
    ])('$reason: a clear error, and all is put back', async ({ at, after }) => {
      between.arm({ at, ...(after ? { after: restart } : { before: restart }) })
      const { code, text } = await here.infra('apply', '--yes')
      expect(between.came()).toBe(true)
      expect(code, text).toBe(3)
      expect(text).toContain('Rolled back')
      expect(text).toMatch(/connection to libvirt was lost.*may or may not have happened/)
      await isEmpty()
    })

    test('killed for good: what is open is told, and recovered once it is there again', async () => {
      between.arm({ at: d.define, nth: 2, after: lab.kill })
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(3)
      expect(text).toContain('infra recover')
      await lab.start()
      between.arm(undefined)
      expect(await here.infra('plan')).toMatchObject({ code: 4 })
      await here.ok('recover', '--back', '--yes')
      await isEmpty()
    })

    test('slow for six seconds: it is waited for', async () => {
      between.arm({
        at: v.create,
        before: async () => {
          await lab.stopAnswering()
          setTimeout(() => void lab.continue(), 6_000)
        },
      })
      expect(await here.ok('apply', '--yes')).toContain('4 created')
      expect(await domains()).toEqual(['counter', 'ledger'])
    })

    test('frozen: it is given up in time, told, and recovered once it goes on', async () => {
      between.arm({ at: d.define, nth: 2, before: lab.stopAnswering })
      const began = Date.now()
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(3)
      expect(text).toMatch(/has not answered/)
      expect(Date.now() - began).toBeLessThan(120_000)
      // what it had taken in is done now, behind infra's back
      await lab.continue()
      between.arm(undefined)
      await here.ok('recover', '--back', '--yes')
      await isEmpty()
    })
  })

  test('a machine that is running goes on while libvirtd is killed, and is what it was', async () => {
    await begin()
    try {
      const running = [...documents.slice(0, 2), bareMachine('counter', 'shop')]
      await here.write('stack.yaml', stackText(lab.uri, ...running))
      await here.ok('apply', '--yes')
      await restart()
      await here.ok('plan', '--detailed-exitcode')
      expect(await power('counter')).toBe('running')
    } finally {
      await mend()
      await end()
    }
  })
})
