/**
 * Acts by the program, on two hosts of one stack: lists, power, sizes written back, backups, rescue, a move. No guest is needed
 * for them; those that need one are tested in test/providers/libvirt/acts. virsh says what came of it.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freeTap, type LibvirtLab, libvirtLab } from '../lab/libvirt.js'
import { type Desk, desk } from './desk.js'
import { eyes } from './eyes.js'

const first = await libvirtLab({ own: 53 })
const second = await libvirtLab({ own: 54 })
const why = 'skip' in first ? first.skip : 'skip' in second ? second.skip : undefined

describe.skipIf(why !== undefined)(`acts by the program${why === undefined ? '' : `: ${why}`}`, () => {
  if ('skip' in first || 'skip' in second) return
  const [near, far] = [eyes(first), eyes(second)]
  let here: Desk

  const machine = (name: string, role: string, host: string, more = '') => `
apiVersion: infra/v1
kind: VirtualMachine
metadata:
  name: ${name}
  labels: {role: ${role}}
spec:
  host: ${host} # where it stands
  vcpus: 1
  memoryGiB: 0.0625
  virtualization: qemu
  firmware: bios
  tcgCacheMiB: 16
  storagePool: yard
  autostart: false
  shutdownTimeoutSeconds: 1
  bootDisk: {sizeGB: 0.01, empty: true}
  dataDisks:
    - device: vdb
      sizeGB: 0.01 # a small one
  networkInterfaces: [{network: lab, dhcp: true}]
${more}`
  const pool = (name: string, host: string, lab: LibvirtLab) => `
apiVersion: infra/v1
kind: StoragePool
metadata: {name: ${name}, objectName: yard}
spec: {host: ${host}, path: ${lab.poolPath}/yard}
`
  const stack = [
    `# the works
apiVersion: infra/v1
kind: Stack
metadata: {name: works}
spec:
  providers:
    near: {type: libvirt, uri: '${first.uri}'}
    far: {type: libvirt, uri: '${second.uri}'}
`,
    pool('yard', 'near', first),
    pool('far-yard', 'far', second),
    machine('gantry', 'lift', 'near'),
    machine('chest', 'box', 'near', '  powerState: stopped\n'),
    machine('barque', 'boat', 'far', '  powerState: stopped\n'),
  ].join('---\n')
  const text = () => readFile(join(here.folder, 'stack.yaml'), 'utf8')
  const json = async (...args: readonly string[]) => JSON.parse((await here.infra(...args, '--json')).out)
  const names = async (...args: readonly string[]) =>
    (await json('vm', 'list', ...args)).machines.map((one: { name: string }) => one.name).sort()

  /** Fills the disk vdb of gantry, which has no system that could, by its QEMU. */
  const fillDisk = async (size: string) => {
    const disks = (await first.virsh('dumpxml', 'gantry')).split('<disk ')
    const index = /index='(\d+)'/.exec(disks.find(disk => disk.includes("dev='vdb'")) ?? '')?.[1]
    const command = `qemu-io libvirt-${index}-format "write -P 7 0 ${size}"`
    await first.virsh('qemu-monitor-command', 'gantry', '--hmp', command)
  }

  beforeAll(async () => {
    here = await desk({ 'stack.yaml': stack })
    await here.setUp()
    await first.virsh('vol-create-as', 'yard', 'rescue.iso', '1MiB', '--format', 'raw')
  })
  afterAll(async () => {
    await here?.clear()
    await first.clean()
    await second.clean()
  })

  test('each machine is on its host; a host that is down hides no other, and nothing there is taken for gone', async () => {
    expect([await near.domains(), await far.domains()]).toEqual([['chest', 'gantry'], ['barque']])
    await second.kill()
    try {
      const listed = await here.infra('vm', 'list')
      expect(listed.code, listed.text).toBe(3)
      expect(listed.text).toContain('gantry')
      expect(listed.text).toContain(second.socket)
      const plan = await here.infra('plan')
      expect(plan.code, plan.text).toBe(3)
      expect(plan.text).toMatch(/VirtualMachine\/barque: Cannot connect/)
      expect(plan.text).not.toMatch(/VirtualMachine\/gantry|to create/)
    } finally {
      await second.start()
    }
  })

  test('machines are chosen by state and label', async () => {
    expect(await names('--status', 'running')).toEqual(['gantry'])
    expect(await names('--selector', 'role!=lift', '--host', 'near')).toEqual(['chest'])
    expect((await here.ok('vm', 'show', 'gantry', '--yaml')).match(/name: gantry/g)).toBeTruthy()
  })

  test('those that drifted are told from the others, and restarted alone', async () => {
    const memory = async (...which: readonly string[]) =>
      /<memory unit='KiB'>(\d+)</.exec(await first.virsh('dumpxml', 'gantry', ...which))?.[1]
    const id = async () => (await first.virsh('domid', 'gantry')).trim()
    const before = await id()
    await first.virsh('setmaxmem', 'gantry', '80M', '--config')
    await first.virsh('setmem', 'gantry', '80M', '--config')
    try {
      expect(await names('--drifted')).toEqual(['gantry'])
      expect([await memory(), await memory('--inactive')]).toEqual(['65536', '81920'])
      await here.ok('vm', 'restart', '--drifted', '--force')
      expect(await memory()).toBe('81920')
      expect(await id()).not.toBe(before)
      // the others were off, and still are
      expect([await near.power('chest'), await far.power('barque')]).toEqual(['shut off', 'shut off'])
    } finally {
      await first.virsh('setmem', 'gantry', '64M', '--config')
      await first.virsh('setmaxmem', 'gantry', '64M', '--config')
    }
    // as recorded again, and waiting for a restart alone
    await here.ok('vm', 'restart', '--drifted', '--force')
    expect(await memory()).toBe('65536')
  })

  test('several are switched on and off at once, and that the next plan would undo it is told', async () => {
    expect(await here.ok('vm', 'start', '--all')).toMatch(/plan/)
    expect(await Promise.all([near.power('chest'), far.power('barque')])).toEqual(['running', 'running'])
    await here.ok('vm', 'stop', 'chest', 'far/barque', '--force')
    expect(await Promise.all([near.power('chest'), far.power('barque')])).toEqual(['shut off', 'shut off'])
    expect(await near.power('gantry')).toBe('running')
    await here.ok('plan', '--detailed-exitcode')
  })

  test('a size goes into the stack’s file, comments kept, and then there is nothing to do', async () => {
    expect(await here.ok('vm', 'resize', 'gantry', '--disk', 'vdb=0.02')).toMatch(/--write/)
    await here.ok('vm', 'resize', 'gantry', '--disk', 'vdb=0.03', '--write')
    expect(await text()).toBe(stack.replace('sizeGB: 0.01 # a small one', 'sizeGB: 0.03 # a small one'))
    expect(await first.virsh('domblkinfo', 'gantry', 'vdb')).toMatch(/Capacity: +32212992/)
  })

  test('all are backed up, the backups verified; one becomes a new machine; exported and deleted they are gone', async () => {
    await here.ok('vm', 'backup', 'create', '--all')
    const { backups } = await json('vm', 'backup', 'list')
    expect(backups.map((one: { machine: string }) => one.machine).sort()).toEqual([
      'barque',
      'chest',
      'gantry',
    ])
    await here.ok('vm', 'backup', 'verify', 'gantry', 'chest', 'barque')
    await here.ok('vm', 'backup', 'restore', 'gantry', '--as', 'jib', '--start', '--host', 'near')
    expect(await near.power('jib')).toBe('running')
    expect(await near.uuid('jib')).not.toBe(await near.uuid('gantry'))
    await here.ok('plan', '--detailed-exitcode')
    await first.virsh('destroy', 'jib')
    await first.virsh('undefine', 'jib', '--remove-all-storage')
    await here.ok('vm', 'backup', 'export', 'gantry', 'gantry.tar')
    // one that is not whole goes, too, by its own name
    const { backup, folder } = backups.find((one: { machine: string }) => one.machine === 'gantry')
    await writeFile(join(folder, 'manifest.json'), '{')
    expect(await here.ok('vm', 'backup', 'delete', backup, 'chest', 'barque', '--yes')).toMatch(
      /^3 deleted\.\n {2}gantry\/\S+ was not whole/,
    )
    expect(await json('vm', 'backup', 'list')).toEqual({ backups: [], broken: [] })
  })

  test('one is booted from a rescue medium, and put back as it was', async () => {
    const before = await first.virsh('dumpxml', 'gantry', '--inactive')
    await here.ok('vm', 'rescue', 'gantry', '--iso', 'yard:rescue.iso', '--timeout', '1')
    expect(await first.virsh('domblklist', 'gantry')).toContain('rescue.iso')
    expect((await near.xml('gantry')).devices.disk.find((one: { boot?: unknown }) => one.boot)).toMatchObject(
      {
        device: 'cdrom',
      },
    )
    expect(await here.infra('vm', 'rescue', 'gantry', '--iso', 'yard:rescue.iso')).not.toMatchObject({
      code: 0,
    })
    await here.ok('vm', 'rescue', 'gantry', '--end', '--timeout', '1')
    expect(await first.virsh('dumpxml', 'gantry', '--inactive')).toBe(before)
    expect(await near.power('gantry')).toBe('running')
  })

  test('one moves to the other host as it runs; infra killed in the middle of it, the move is taken back or ended, and the stack follows', async () => {
    const was = await near.uuid('gantry')
    const move = ['vm', 'migrate', 'gantry', '--to', 'far', '--migrate-uri', 'tcp://127.0.0.1', '--yes']
    const killed = async () => {
      const moving = here.start(...move, '--bandwidth', '1')
      await moving.says(/gantry: moves: disk/)
      await moving.kill()
    }
    const domains = async () => [await near.domains(), await far.domains()]
    const disks = async (side: typeof near) =>
      (await side.files('yard')).filter(file => file.startsWith('gantry'))
    const refused = async (code: number, says: string, ...commands: readonly string[][]) => {
      for (const command of commands) {
        const ended = await here.infra(...command)
        expect(ended.code, ended.text).toBe(code)
        expect(ended.text).toContain(says)
      }
    }
    await freeTap(first, 'gantry')
    // so much to copy, and so slowly, that it can be killed meanwhile
    await fillDisk('12M')
    await killed()
    expect(await here.ok('recover', '--back', '--yes')).toContain('gantry is on near, and not on far')
    expect(await domains()).toEqual([['chest', 'gantry'], ['barque']])
    expect([await near.power('gantry'), await disks(far)]).toEqual(['running', []])
    expect(await text()).toMatch(/name: gantry[\s\S]*host: near # where it stands/)

    await killed()
    await refused(4, 'was cut off and is not settled', ['plan'], move)
    await expect
      .poll(domains, { timeout: 300_000, interval: 1_000 })
      .toEqual([['chest'], ['barque', 'gantry']])
    await expect.poll(() => far.power('gantry'), { timeout: 60_000 }).toBe('running')
    // without its journal, too: made anew where it is recorded, it would be there twice
    const journal = join(here.folder, '.infra', 'works', 'journal.ndjson')
    await rename(journal, `${journal}.aside`)
    const elsewhere = 'VirtualMachine gantry is on far, and is recorded on near'
    await refused(2, elsewhere, ['apply', '--yes'], ['destroy', '--yes'])
    await rename(`${journal}.aside`, journal)

    expect(await here.ok('recover', '--forward', '--yes')).toContain('gantry is on far, and not on near')
    expect(await far.uuid('gantry')).toBe(was)
    expect(await disks(near)).toEqual([])
    expect((await text()).match(/host: far # where it stands/g)).toHaveLength(2)
    await here.ok('plan', '--detailed-exitcode')
  })

  test('all of it goes, on both hosts', async () => {
    await here.ok('destroy', '--yes')
    await here.ok('checkpoint', 'prune', '--yes')
    expect([await near.domains(), await far.domains()]).toEqual([[], []])
    expect([await near.files('yard'), await far.files('yard')]).toEqual([
      // what virsh left of the copy, and what is no machine's
      ['jib_serial.log', 'rescue.iso'],
      [],
    ])
  })
})
