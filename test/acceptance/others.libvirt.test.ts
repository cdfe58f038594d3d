/**
 * What others do on the same host: names taken, machines removed, volumes used, pools filled. Each ends in a clear error and a
 * world as it was; what is not infra's is never touched.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Attributes } from '../../src/model/value.js'
import { procedures } from '../../src/providers/libvirt/rpc/procedures/index.js'
import { libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { bareMachine, resource, stackText } from './documents.js'
import { eyes } from './eyes.js'
import { wire } from './wire.js'

const lab = await libvirtLab({ own: 24 })
const { domains: d, pools: p, volumes: v } = procedures

describe.skipIf('skip' in lab)(`others on the host${'skip' in lab ? `: ${lab.skip}` : ''}`, async () => {
  if ('skip' in lab) return
  const { domains, pools, files, power, uuid } = eyes(lab)
  const yard = `${lab.poolPath}/yard`
  const between = await wire(lab.socket, `${lab.poolPath}/../between.sock`)
  let here: Desk

  const machine = (name: string, spec: Attributes = {}) =>
    bareMachine(name, 'yard', { powerState: 'stopped', ...spec })
  const yardPool = resource('StoragePool', 'yard', { path: yard })
  const oil = resource('Volume', 'oil', { pool: 'yard', size: '1MiB', format: 'raw' })
  const stack = (...documents: readonly Attributes[]) => stackText(between.uri, yardPool, oil, ...documents)
  const foreign = (name: string, devices = '') =>
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os><devices>${devices}</devices></domain>`
  const define = async (name: string, devices?: string) => {
    await writeFile(`${here.folder}/foreign.xml`, foreign(name, devices))
    await lab.virsh('define', `${here.folder}/foreign.xml`)
  }

  beforeEach(async () => {
    here = await desk({ 'stack.yaml': stack(machine('crane'), machine('hoist')) })
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
    await lab.inside('rm', '-rf', yard)
  })
  afterAll(async () => {
    await between.close()
    await lab.clean()
  })

  const isEmptyBut = async (...left: readonly string[]) => {
    expect(await domains()).toEqual(left)
    expect(await pools()).toEqual([])
    expect(await files('yard')).toEqual([])
  }

  describe('a name that someone else took', () => {
    test('before the plan: it is refused, with whose it is and the way to take it over', async () => {
      await define('hoist')
      const before = await uuid('hoist')
      for (const command of [['plan'], ['apply', '--yes']]) {
        const { code, text } = await here.infra(...command)
        expect(code, text).toBe(2)
        expect(text).toMatch(/hoist exists already: infra did not make it/)
        expect(text).toContain('infra import VirtualMachine/hoist hoist')
      }
      await isEmptyBut('hoist')
      expect(await uuid('hoist')).toBe(before)
    })

    test('between the plan and its step: all is put back, and theirs stays', async () => {
      between.arm({ at: d.define, nth: 2, before: () => taken() })
      let theirs = ''
      const taken = async () => {
        const name = (await domains()).includes('crane') ? 'hoist' : 'crane'
        await define(name)
        theirs = name
      }
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(4)
      expect(text).toContain('already exists')
      expect(text).toContain('Rolled back')
      await isEmptyBut(theirs)
    })

    test('of a disk: its volume is not touched', async () => {
      await here.write('stack.yaml', stack())
      await here.ok('apply', '--yes')
      await lab.virsh('vol-create-as', 'yard', 'hoist_boot', '1MiB')
      await writeFile(`${yard}/hoist_boot`, 'theirs', { flag: 'r+' })
      await here.write('stack.yaml', stack(machine('crane'), machine('hoist')))
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(5)
      expect(text).toContain('hoist_boot')
      expect(await domains()).toEqual([])
      expect(await files('yard')).toEqual(['hoist_boot', 'oil'])
      expect((await readFile(`${yard}/hoist_boot`)).subarray(0, 6).toString()).toBe('theirs')
    })

    test('of a pool: it is refused, and theirs stays', async () => {
      await lab.inside('mkdir', '-p', yard)
      await lab.virsh('pool-define-as', 'yard', 'dir', '--target', yard)
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(2)
      expect(text).toContain('yard exists already')
      expect(await pools()).toEqual(['yard'])
      expect(await domains()).toEqual([])
    })
  })

  describe('a machine that someone else removed', () => {
    test('with its disks: the plan says so, and apply makes it again', async () => {
      await here.ok('apply', '--yes')
      await lab.virsh('undefine', 'hoist', '--remove-all-storage')
      const plan = await here.infra('plan', '--detailed-exitcode')
      expect(plan.code).toBe(2)
      expect(plan.text).toMatch(/1 to create/)
      expect(plan.text).toMatch(/no longer there/)
      await here.ok('apply', '--yes')
      expect(await domains()).toEqual(['crane', 'hoist'])
      await here.ok('plan', '--detailed-exitcode')
    })

    test('without its disks: what is in them is not lost', async () => {
      await here.ok('apply', '--yes')
      await lab.virsh('undefine', 'hoist')
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(5)
      expect(text).toContain('hoist_boot')
      expect(await domains()).toEqual(['crane'])
      expect(await files('yard')).toContain('hoist_boot')
    })

    test('while it is being made: all is put back', async () => {
      between.arm({
        at: d.setAutostart,
        before: async () => {
          for (const name of await domains()) await lab.virsh('undefine', name)
        },
      })
      const { code, text } = await here.infra('apply', '--yes')
      expect(between.came()).toBe(true)
      expect(code, text).toBe(4)
      await isEmptyBut()
    })

    test('since a plan was saved: the plan is refused, with what moved', async () => {
      await here.ok('apply', '--yes')
      await here.write('stack.yaml', stack(machine('crane', { title: 'new' }), machine('hoist')))
      await here.ok('plan', '-o', 'plan.json')
      await lab.virsh('undefine', 'crane', '--remove-all-storage')
      const { code, text } = await here.infra('apply', 'plan.json', '--yes')
      expect(code, text).toBe(2)
      expect(text).toContain('VirtualMachine/crane')
      expect(await domains()).toEqual(['hoist'])
    })

    test('destroy goes on without it', async () => {
      await here.ok('apply', '--yes')
      await lab.virsh('undefine', 'hoist', '--remove-all-storage')
      await here.ok('destroy', '--yes')
      await here.ok('checkpoint', 'prune', '--yes')
      await isEmptyBut()
    })
  })

  test('a volume that someone else’s machine uses is not deleted', async () => {
    await here.ok('apply', '--yes')
    await writeFile(`${yard}/oil`, 'in use', { flag: 'r+' })
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${yard}/oil'/><target dev='vda' bus='virtio'/></disk>`
    await define('stranger', disk)
    await lab.virsh('start', 'stranger')
    const { code, text } = await here.infra('destroy', '--yes')
    expect([4, 5], text).toContain(code)
    expect(text).toMatch(/oil.*(in use|used)/)
    expect(text).toContain('stranger')
    expect(text).toContain('Rolled back')
    expect(await domains()).toEqual(['crane', 'hoist', 'stranger'])
    expect(await power('stranger')).toBe('running')
    expect((await readFile(`${yard}/oil`)).subarray(0, 6).toString()).toBe('in use')
    await lab.virsh('destroy', 'stranger')
    await lab.virsh('undefine', 'stranger')
    await here.ok('plan', '--detailed-exitcode')
  })

  test('a pool that is full: the image does not fit, and nothing is left', async () => {
    await lab.inside('mkdir', '-p', yard)
    await lab.inside('mount', '-t', 'tmpfs', '-o', 'size=8m,mode=711', 'full', yard)
    const inside = await desk(
      {
        'stack.yaml': stackText(
          'qemu:///system',
          yardPool,
          resource('Image', 'fast', {
            pool: 'yard',
            source: { path: `${await lab.guest('fast')}/fast.qcow2` },
          }),
          machine('hoist', { bootDisk: { sizeGB: 1, image: 'yard:fast.qcow2' } }),
        ),
      },
      { through: lab.through },
    )
    try {
      const { code, text } = await inside.infra('apply', '--yes')
      expect(code, text).toBe(5)
      expect(text).toMatch(/No space left|not enough|does not fit|full/)
      expect(text).toContain('Rolled back')
      expect(await domains()).toEqual([])
      expect(await pools()).toEqual([])
      expect(await lab.inside('ls', yard)).toBe('')
    } finally {
      await inside.clear()
      await lab.inside('umount', yard)
    }
  })

  test('a guest that never gets ready: its step fails in time, what needs it is not made, and all is put back', async () => {
    const readiness = { until: 'agent', timeoutSeconds: 3 }
    const crane = machine('crane', { powerState: 'running', readiness })
    const hoist = { ...machine('hoist'), metadata: { name: 'hoist', dependsOn: ['VirtualMachine/crane'] } }
    await here.write('stack.yaml', stack(crane, hoist))
    const { code, text } = await here.infra('apply', '--yes')
    expect(code, text).toBe(4)
    expect(text).toMatch(/crane did not get ready within 3 s/)
    expect(text).toContain('Rolled back')
    expect(text).not.toContain('created VirtualMachine/hoist')
    await isEmptyBut()
  })

  test('a change redefines a machine under its UUID, and never undefines it first', async () => {
    await here.ok('apply', '--yes')
    const was = await uuid('crane')
    await here.write(
      'stack.yaml',
      stack(machine('crane', { title: 'new', memoryGiB: 0.125 }), machine('hoist')),
    )
    between.arm(undefined)
    await here.ok('apply', '--yes')
    expect(between.called().has(d.define.number)).toBe(true)
    expect(between.called().has(d.undefine.number)).toBe(false)
    expect((await lab.virsh('desc', 'crane', '--title')).trim()).toBe('new')
    expect(await uuid('crane')).toBe(was)
  })

  describe('what a machine is plugged into is not there', () => {
    test.each([
      { reason: 'a bridge', plug: { bridge: `${lab.bridge}x` }, near: lab.bridge },
      { reason: 'a network', plug: { network: 'lob' }, near: 'lab' },
    ])('$reason: found before anything is made, with the nearest name', async ({ plug, near }) => {
      const networkInterfaces = [{ ...plug, dhcp: true }]
      await here.write('stack.yaml', stack(machine('crane'), machine('hoist', { networkInterfaces })))
      for (const command of [['plan'], ['apply', '--yes']]) {
        between.arm(undefined)
        const { code, text } = await here.infra(...command)
        expect(code, text).toBe(2)
        expect(text).toContain(Object.values(plug)[0])
        expect(text).toMatch(new RegExp(`The host has .*\\b${near}\\b`))
        expect(text).toMatch(/stack\.yaml:\d+/)
        const changes = [p.define, p.create, p.build, v.create, d.define].map(one => one.number)
        expect(changes.filter(number => between.called().has(number))).toEqual([])
      }
      await isEmptyBut()
    })
  })
})
