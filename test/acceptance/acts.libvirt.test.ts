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
    machine('winch', 'lift', 'near'),
    machine('crate', 'box', 'near', '  powerState: stopped\n'),
    machine('barge', 'boat', 'far', '  powerState: stopped\n'),
  ].join('---\n')
  const text = () => readFile(join(here.folder, 'stack.yaml'), 'utf8')
  const json = async (...args: readonly string[]) => JSON.parse((await here.infra(...args, '--json')).out)
  const names = async (...args: readonly string[]) =>
    (await json('vm', 'list', ...args)).machines.map((one: { name: string }) => one.name).sort()

  /** Fills the disk vdb of winch, which has no system that could, by its QEMU. */
  const fillDisk = async (size: string) => {
    const disks = (await first.virsh('dumpxml', 'winch')).split('<disk ')
    const index = /index='(\d+)'/.exec(disks.find(disk => disk.includes("dev='vdb'")) ?? '')?.[1]
    const command = `qemu-io libvirt-${index}-format "write -P 7 0 ${size}"`
    await first.virsh('qemu-monitor-command', 'winch', '--hmp', command)
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
    expect([await near.domains(), await far.domains()]).toEqual([['crate', 'winch'], ['barge']])
    await second.kill()
    try {
      const listed = await here.infra('vm', 'list')
      expect(listed.code, listed.text).toBe(3)
      expect(listed.text).toContain('winch')
      expect(listed.text).toContain(second.socket)
      const plan = await here.infra('plan')
      expect(plan.code, plan.text).toBe(3)
      expect(plan.text).toMatch(/VirtualMachine\/barge: Cannot connect/)
      expect(plan.text).not.toMatch(/VirtualMachine\/winch|to create/)
    } finally {
      await second.start()
    }
  })

  test('machines are chosen by state and label', async () => {
    expect(await names('--status', 'running')).toEqual(['winch'])
    expect(await names('--selector', 'role!=lift', '--host', 'near')).toEqual(['crate'])
    expect((await here.ok('vm', 'show', 'winch', '--yaml')).match(/name: winch/g)).toBeTruthy()
  })

  test('those that drifted are told from the others, and restarted alone', async () => {
    const memory = async (...which: readonly string[]) =>
      /<memory unit='KiB'>(\d+)</.exec(await first.virsh('dumpxml', 'winch', ...which))?.[1]
    const id = async () => (await first.virsh('domid', 'winch')).trim()
    const before = await id()
    await first.virsh('setmaxmem', 'winch', '80M', '--config')
    await first.virsh('setmem', 'winch', '80M', '--config')
    try {
      expect(await names('--drifted')).toEqual(['winch'])
      expect([await memory(), await memory('--inactive')]).toEqual(['65536', '81920'])
      await here.ok('vm', 'restart', '--drifted', '--force')
      expect(await memory()).toBe('81920')
      expect(await id()).not.toBe(before)
      // the others were off, and still are
      expect([await near.power('crate'), await far.power('barge')]).toEqual(['shut off', 'shut off'])
    } finally {
      await first.virsh('setmem', 'winch', '64M', '--config')
      await first.virsh('setmaxmem', 'winch', '64M', '--config')
    }
    // as recorded again, and waiting for a restart alone
    await here.ok('vm', 'restart', '--drifted', '--force')
    expect(await memory()).toBe('65536')
  })

  test('several are switched on and off at once, and that the next plan would undo it is told', async () => {
    expect(await here.ok('vm', 'start', '--all')).toMatch(/plan/)
    expect(await Promise.all([near.power('crate'), far.power('barge')])).toEqual(['running', 'running'])
    await here.ok('vm', 'stop', 'crate', 'far/barge', '--force')
    expect(await Promise.all([near.power('crate'), far.power('barge')])).toEqual(['shut off', 'shut off'])
    expect(await near.power('winch')).toBe('running')
    await here.ok('plan', '--detailed-exitcode')
  })

  test('a size goes into the stack’s file, comments kept, and then there is nothing to do', async () => {
    expect(await here.ok('vm', 'resize', 'winch', '--disk', 'vdb=0.02')).toMatch(/--write/)
    await here.ok('vm', 'resize', 'winch', '--disk', 'vdb=0.03', '--write')
    expect(await text()).toBe(stack.replace('sizeGB: 0.01 # a small one', 'sizeGB: 0.03 # a small one'))
    expect(await first.virsh('domblkinfo', 'winch', 'vdb')).toMatch(/Capacity: +32212992/)
  })

  test('all are backed up, the backups verified; one becomes a new machine; exported and deleted they are gone', async () => {
    await here.ok('vm', 'backup', 'create', '--all')
    const { backups } = await json('vm', 'backup', 'list')
    expect(backups.map((one: { machine: string }) => one.machine).sort()).toEqual(['barge', 'crate', 'winch'])
    await here.ok('vm', 'backup', 'verify', 'winch', 'crate', 'barge')
    await here.ok('vm', 'backup', 'restore', 'winch', '--as', 'hoist', '--start', '--host', 'near')
    expect(await near.power('hoist')).toBe('running')
    expect(await near.uuid('hoist')).not.toBe(await near.uuid('winch'))
    await here.ok('plan', '--detailed-exitcode')
    await first.virsh('destroy', 'hoist')
    await first.virsh('undefine', 'hoist', '--remove-all-storage')
    await here.ok('vm', 'backup', 'export', 'winch', 'winch.tar')
    // one that is not whole goes, too, by its own name
    const { backup, folder } = backups.find((one: { machine: string }) => one.machine === 'winch')
    await writeFile(join(folder, 'manifest.json'), '{')
    expect(await here.ok('vm', 'backup', 'delete', backup, 'crate', 'barge', '--yes')).toMatch(
      /^3 deleted\.\n {2}winch\/\S+ was not whole/,
    )
    expect(await json('vm', 'backup', 'list')).toEqual({ backups: [], broken: [] })
  })

  test('one is booted from a rescue medium, and put back as it was', async () => {
    const before = await first.virsh('dumpxml', 'winch', '--inactive')
    await here.ok('vm', 'rescue', 'winch', '--iso', 'yard:rescue.iso', '--timeout', '1')
    expect(await first.virsh('domblklist', 'winch')).toContain('rescue.iso')
    expect((await near.xml('winch')).devices.disk.find((one: { boot?: unknown }) => one.boot)).toMatchObject({
      device: 'cdrom',
    })
    expect(await here.infra('vm', 'rescue', 'winch', '--iso', 'yard:rescue.iso')).not.toMatchObject({
      code: 0,
    })
    await here.ok('vm', 'rescue', 'winch', '--end', '--timeout', '1')
    expect(await first.virsh('dumpxml', 'winch', '--inactive')).toBe(before)
    expect(await near.power('winch')).toBe('running')
  })

  test('one moves to the other host as it runs; infra killed in the middle of it, the move is taken back or ended, and the stack follows', async () => {
    const was = await near.uuid('winch')
    const move = ['vm', 'migrate', 'winch', '--to', 'far', '--migrate-uri', 'tcp://127.0.0.1', '--yes']
    const killed = async () => {
      const moving = here.start(...move, '--bandwidth', '1')
      await moving.says(/winch: moves: disk/)
      await moving.kill()
    }
    const domains = async () => [await near.domains(), await far.domains()]
    const disks = async (side: typeof near) =>
      (await side.files('yard')).filter(file => file.startsWith('winch'))
    const refused = async (code: number, says: string, ...commands: readonly string[][]) => {
      for (const command of commands) {
        const ended = await here.infra(...command)
        expect(ended.code, ended.text).toBe(code)
        expect(ended.text).toContain(says)
      }
    }
    await freeTap(first, 'winch')
    // so much to copy, and so slowly, that it can be killed meanwhile
    await fillDisk('12M')
    await killed()
    expect(await here.ok('recover', '--back', '--yes')).toContain('winch is on near, and not on far')
    expect(await domains()).toEqual([['crate', 'winch'], ['barge']])
    expect([await near.power('winch'), await disks(far)]).toEqual(['running', []])
    expect(await text()).toMatch(/name: winch[\s\S]*host: near # where it stands/)

    await killed()
    await refused(4, 'was cut off and is not settled', ['plan'], move)
    await expect.poll(domains, { timeout: 300_000, interval: 1_000 }).toEqual([['crate'], ['barge', 'winch']])
    await expect.poll(() => far.power('winch'), { timeout: 60_000 }).toBe('running')
    // without its journal, too: made anew where it is recorded, it would be there twice
    const journal = join(here.folder, '.infra', 'works', 'journal.ndjson')
    await rename(journal, `${journal}.aside`)
    const elsewhere = 'VirtualMachine winch is on far, and is recorded on near'
    await refused(2, elsewhere, ['apply', '--yes'], ['destroy', '--yes'])
    await rename(`${journal}.aside`, journal)

    expect(await here.ok('recover', '--forward', '--yes')).toContain('winch is on far, and not on near')
    expect(await far.uuid('winch')).toBe(was)
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
      ['hoist_serial.log', 'rescue.iso'],
      [],
    ])
  })
})
