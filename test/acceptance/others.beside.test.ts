/**
 * What others do on the same host: names taken, machines removed, volumes used, pools filled. Each ends in a clear error and a
 * world as it was; what is not infra's is never touched.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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
  const { domains, pools, files, power, uuid, sweep } = eyes(lab)
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

  const begin = async () => {
    here = await desk({ 'stack.yaml': stack(machine('crane'), machine('hoist')) })
  }
  const end = async () => {
    between.arm(undefined)
    await here.clear()
    await sweep()
    await lab.inside('rm', '-rf', yard)
  }
  afterAll(async () => {
    await between.close()
    await lab.clean()
  })

  const isEmptyBut = async (...left: readonly string[]) => {
    expect(await domains()).toEqual(left)
    expect(await pools()).toEqual([])
    expect(await files('yard')).toEqual([])
  }

  describe('before anything is made', () => {
    beforeEach(begin)
    afterEach(end)

    test('a machine or a pool of that name: refused, with whose it is and the way to take it over; theirs stays', async () => {
      await define('hoist')
      await lab.inside('mkdir', '-p', yard)
      await lab.virsh('pool-define-as', 'yard', 'dir', '--target', yard)
      const before = await uuid('hoist')
      for (const command of [['plan'], ['apply', '--yes']]) {
        const { code, text } = await here.infra(...command)
        expect(code, text).toBe(2)
        expect(text).toMatch(/hoist exists already: infra did not make it/)
        expect(text).toContain('infra import VirtualMachine/hoist hoist')
        expect(text).toContain('yard exists already')
      }
      expect([await domains(), await pools(), await files('yard')]).toEqual([['hoist'], ['yard'], []])
      expect(await uuid('hoist')).toBe(before)
    })

    test('a bridge or a network to plug into is missing: told with the nearest name, and its line', async () => {
      const lacks = (name: string, plug: Attributes) =>
        machine(name, { networkInterfaces: [{ ...plug, dhcp: true }] })
      await here.write(
        'stack.yaml',
        stack(lacks('crane', { bridge: `${lab.bridge}x` }), lacks('hoist', { network: 'lob' })),
      )
      for (const command of [['plan'], ['apply', '--yes']]) {
        between.arm(undefined)
        const { code, text } = await here.infra(...command)
        expect(code, text).toBe(2)
        for (const [missing, nearest] of [
          [`${lab.bridge}x`, lab.bridge],
          ['lob', 'lab'],
        ]) {
          expect(text).toContain(missing)
          expect(text).toMatch(new RegExp(`The host has .*\\b${nearest}\\b`))
        }
        expect(text).toMatch(/stack\.yaml:\d+/)
        const changes = [p.define, p.create, p.build, v.create, d.define].map(one => one.number)
        expect(changes.filter(number => between.called().has(number))).toEqual([])
      }
      await isEmptyBut()
    })
  })

  describe('while it is made', () => {
    beforeEach(begin)
    afterEach(end)

    test('a name is taken between the plan and its step: all is put back, and theirs stays', async () => {
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

    test('a machine is removed: all is put back', async () => {
      between.arm({
        at: d.define,
        nth: 2,
        after: async () => {
          for (const name of await domains()) await lab.virsh('undefine', name)
        },
      })
      const { code, text } = await here.infra('apply', '--yes')
      expect(between.came()).toBe(true)
      expect(code, text).toBe(4)
      await isEmptyBut()
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
  })

  // each leaves the stack as it is applied, but for the last two
  describe('once it is there', () => {
    const crane = (title = 'new', memoryGiB = 0.125) =>
      machine('crane', { title, memoryGiB, powerState: 'running' })
    const both = () => stack(crane(), machine('hoist'))
    beforeAll(async () => {
      await begin()
      await here.write('stack.yaml', stack(crane('first', 0.0625), machine('hoist')))
      await here.setUp()
    })
    afterAll(end)

    test('a change redefines a machine under its UUID, never undefines it first, and restarts it with leave', async () => {
      const was = await uuid('crane')
      await here.write('stack.yaml', both())
      between.arm(undefined)
      await here.ok('apply', '--yes', '--restart')
      expect(between.called().has(d.define.number)).toBe(true)
      expect(between.called().has(d.undefine.number)).toBe(false)
      expect(await lab.virsh('dumpxml', 'crane')).toMatch(/<title>new<[\s\S]*<memory unit='KiB'>131072</)
      expect(await uuid('crane')).toBe(was)
    })

    test('a machine removed by others with its disks: the plan says so, and apply makes it again', async () => {
      await lab.virsh('undefine', 'hoist', '--remove-all-storage')
      const plan = await here.infra('plan', '--detailed-exitcode')
      expect(plan.code).toBe(2)
      expect(plan.text).toMatch(/1 to create/)
      expect(plan.text).toMatch(/no longer there/)
      await here.ok('apply', '--yes')
      expect(await domains()).toEqual(['crane', 'hoist'])
    })

    test('a volume that someone else’s machine uses is not deleted', async () => {
      await writeFile(`${yard}/oil`, 'in use', { flag: 'r+' })
      const disk = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${yard}/oil'/><target dev='vda' bus='virtio'/></disk>`
      await define('squatter', disk)
      await lab.virsh('start', 'squatter')
      const { code, text } = await here.infra('destroy', '--yes')
      expect([4, 5], text).toContain(code)
      expect(text).toMatch(/oil.*(in use|used)/)
      expect(text).toContain('squatter')
      expect(text).toContain('Rolled back')
      expect(await domains()).toEqual(['crane', 'hoist', 'squatter'])
      expect(await power('squatter')).toBe('running')
      expect((await readFile(`${yard}/oil`)).subarray(0, 6).toString()).toBe('in use')
      await lab.virsh('destroy', 'squatter')
      await lab.virsh('undefine', 'squatter')
      await here.ok('plan', '--detailed-exitcode')
    })

    test('a volume of the name of a new machine’s disk is not touched', async () => {
      await lab.virsh('vol-create-as', 'yard', 'winch_boot', '1MiB')
      await writeFile(`${yard}/winch_boot`, 'theirs', { flag: 'r+' })
      const before = await files('yard')
      await here.write('stack.yaml', stack(crane(), machine('hoist'), machine('winch')))
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(5)
      expect(text).toContain('winch_boot')
      expect(await domains()).toEqual(['crane', 'hoist'])
      expect(await files('yard')).toEqual(before)
      expect((await readFile(`${yard}/winch_boot`)).subarray(0, 6).toString()).toBe('theirs')
      await here.write('stack.yaml', both())
      await lab.virsh('vol-delete', '--pool', 'yard', 'winch_boot')
    })

    test('a machine removed by others without its disks: what is in them is not lost', async () => {
      await writeFile(`${here.folder}/hoist.xml`, await lab.virsh('dumpxml', 'hoist', '--inactive'))
      await lab.virsh('undefine', 'hoist')
      const { code, text } = await here.infra('apply', '--yes')
      expect(code, text).toBe(5)
      expect(text).toContain('hoist_boot')
      expect(await domains()).toEqual(['crane'])
      expect(await files('yard')).toContain('hoist_boot')
      await lab.virsh('define', `${here.folder}/hoist.xml`)
    })

    test('a machine removed since a plan was saved: the plan is refused, with what moved', async () => {
      await here.write('stack.yaml', stack(crane('newer'), machine('hoist')))
      await here.ok('plan', '-o', 'plan.json')
      await lab.virsh('destroy', 'crane')
      await lab.virsh('undefine', 'crane', '--remove-all-storage')
      await lab.inside('rm', `${yard}/crane_serial.log`)
      const { code, text } = await here.infra('apply', 'plan.json', '--yes')
      expect(code, text).toBe(2)
      expect(text).toContain('VirtualMachine/crane')
      expect(await domains()).toEqual(['hoist'])
    })

    test('destroy goes on without a machine that others removed', async () => {
      await here.ok('destroy', '--yes')
      await here.ok('checkpoint', 'prune', '--yes')
      await isEmptyBut()
    })
  })
})
