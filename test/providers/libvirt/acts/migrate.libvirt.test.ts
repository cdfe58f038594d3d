import { chmod, link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { InfraError } from '../../../../src/model/error.js'
import { nodePorts } from '../../../../src/model/node-ports.js'
import type { MoveAct } from '../../../../src/providers/libvirt/acts/journaled-move.js'
import type { Machine } from '../../../../src/providers/libvirt/acts/machines.js'
import { readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { cameFrom, finishMigration, migrateMachine } from '../../../../src/providers/libvirt/acts/migrate.js'
import { type Hosts, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import { resetMachine } from '../../../../src/providers/libvirt/acts/power.js'
import { settleMove } from '../../../../src/providers/libvirt/acts/settle-move.js'
import { createSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-create.js'
import { deleteSnapshot } from '../../../../src/providers/libvirt/acts/snapshot-delete.js'
import { freeTap, libvirtLab } from '../../../lab/libvirt.js'
import { create, observe, openProvider, type Thing } from '../harness.js'
import {
  type ActWorld,
  actCall,
  actWorld,
  connectionTo,
  dirPools,
  onlyHost,
  readyWhen,
  runIn,
  signal,
} from './world.js'

/** From one real libvirt to another, each with guests of its own. */
const first = await libvirtLab({ own: 44 })
const second = await libvirtLab({ own: 45 })
const why = 'skip' in first ? first.skip : 'skip' in second ? second.skip : undefined

describe.skipIf(why !== undefined)(`moving machines${why === undefined ? '' : `: ${why}`}`, () => {
  if ('skip' in first || 'skip' in second) return
  let world: ActWorld
  let there: Hosts
  let here: string
  /** A folder that both hosts see. */
  let common: string
  let mover: Thing
  const name = 'acts-mover'
  const target = () => onlyHost(there)
  const atFirst = () => world.machine(name)
  const atSecond = async () => {
    const found = (await readMachines(target(), signal)).find(one => one.view.name === name)
    if (found === undefined) throw new Error('it is not there')
    return found
  }
  const files = async (lab: typeof first) =>
    'skip' in lab ? [] : (await readdir(`${lab.poolPath}/vms`)).sort()
  /** Another one after each start of its kernel. */
  const boot = (machine: Machine) => runIn(machine, 'cat /proc/sys/kernel/random/boot_id')
  /** Both labs are on this machine. */
  const live = { migrateUri: 'tcp://127.0.0.1' }
  const offline = () => ({ offline: true, scratch: here })
  const whole = ['boot', 'cloudinit', 'data-vdb', 'serial.log'].map(part => `${name}_${part}`)

  /** A live move so slow that something can happen in the middle; it must fail, and leave nothing there. */
  const stayed = async (until: AbortSignal, happens: () => void): Promise<InfraError> => {
    const call = {
      signal: until,
      progress: (said: string) => {
        if (said.startsWith('moves')) happens()
      },
    }
    const slowly = { ...live, bandwidthMiB: 1 }
    const error = await migrateMachine(await atFirst(), target(), slowly, call).catch(thrown => thrown)
    expect(error).toMatchObject({
      code: 'migration-failed',
      message: expect.stringContaining('it runs on libvirt, and on second nothing of it is left'),
    })
    expect(await files(second)).toEqual([])
    expect(await second.virsh('list', '--all', '--name')).not.toContain(name)
    return error
  }

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-migrate-test-'))
    common = await mkdtemp('/var/tmp/infra-migrate-common-')
    await chmod(common, 0o755)
    world = await actWorld(first)
    await dirPools(second, 'vms')
    for (const lab of [first, second]) {
      await lab.virsh('pool-define-as', 'common', 'dir', '--target', common)
      await lab.virsh('pool-start', 'common')
    }
    await first.virsh('vol-create-as', 'common', 'both.raw', '1M', '--format', 'raw')
    there = await openHosts([connectionTo(second.uri, here, 'second')], nodePorts, signal)
    mover = world.define(name, {
      cloudInit: { fqdn: 'mover.lab.test', bus: 'virtio' },
      readiness: { until: 'running' },
      dataDisks: [
        { device: 'vdb', sizeGB: 0.01 },
        { device: 'vdc', volume: 'common:both.raw', cache: 'none' },
      ],
    })
    await create(world.provider, mover)
    await freeTap(first, name)
    // once, here: nobody waits for a guest that starts again
    await vi.waitFor(async () => expect((await atFirst()).view.agent).toBe(true), {
      timeout: 240_000,
      interval: 500,
    })
  })
  afterAll(async () => {
    await there?.close()
    await world?.close()
    await first.clean()
    await second.clean()
    await rm(here, { recursive: true, force: true })
    if (common !== undefined) await rm(common, { recursive: true, force: true })
  })

  test('what cannot come along stops it before the machine is touched', async () => {
    await createSnapshot(await atFirst(), { name: 'held' }, signal)
    await expect(migrateMachine(await atFirst(), target(), live, actCall())).rejects.toMatchObject({
      code: 'cannot-migrate',
      why: expect.stringContaining('snapshots'),
    })
    await deleteSnapshot(await atFirst(), 'held', signal)
    await expect(
      migrateMachine(await atFirst(), target(), { ...live, pool: 'nowhere' }, actCall()),
    ).rejects.toMatchObject({ code: 'cannot-migrate', why: expect.stringContaining('nowhere') })
    expect((await atFirst()).view.state).toBe('running')
  })

  test('a live move that libvirt refuses, or that is given up, leaves it running here and nothing there', async () => {
    const kernel = await boot(await atFirst())
    const peerUri = 'qemu+unix:///system?socket=/nowhere.sock'
    await expect(
      migrateMachine(await atFirst(), target(), { ...live, peerUri }, actCall()),
    ).rejects.toMatchObject({
      code: 'migration-failed',
      message: expect.stringContaining('it runs on libvirt'),
      why: expect.stringContaining('/nowhere.sock'),
    })
    expect(await files(second)).toEqual([])
    const giveUp = new AbortController()
    const given = await stayed(giveUp.signal, () => giveUp.abort(new Error('interrupted')))
    expect(given.why).toContain('cancel')
    expect(await boot(await atFirst())).toBe(kernel)
  })

  test('libvirtd killed in the middle of a live move leaves it running here, too', async () => {
    const kernel = await boot(await atFirst())
    let again: Promise<void> | undefined
    await stayed(signal, () => {
      again ??= first.kill().then(() => first.start())
    })
    await again
    // a libvirtd that has just begun finds the agent a little later than the machine
    const same = async () => boot(await atFirst()).catch(() => 'no agent')
    await expect.poll(same, { timeout: 60_000, interval: 500 }).toBe(kernel)
  })

  test('it moves as it runs: its disks are copied, what both hosts have is not; one that is cut off is made back, or ended', async () => {
    const before = await atFirst()
    const kernel = await boot(before)
    await world.writeDisk(name, 'copied')
    await runIn(before, 'echo shared | dd of=/dev/vdc conv=sync,fsync 2>/dev/null')
    const cutOff = {
      signal,
      progress: (said: string) => {
        if (said.startsWith('removes what is left')) throw new Error('cut off')
      },
    }
    const acts: MoveAct[] = []
    const journal = { begin: async (act: MoveAct) => void acts.push(act), ended: () => undefined }
    await expect(migrateMachine(before, target(), live, cutOff, journal)).rejects.toThrow('cut off')
    await freeTap(second, name)
    const sides = { from: world.host, to: target() }
    expect(await settleMove(acts[0] as MoveAct, sides, 'back', actCall())).toBe('libvirt')
    expect(await boot(await atFirst())).toBe(kernel)
    expect(await second.virsh('list', '--all', '--name')).not.toContain(name)
    expect(await files(second)).toEqual([])
    await freeTap(first, name)
    await expect(migrateMachine(await atFirst(), target(), live, cutOff)).rejects.toThrow('cut off')
    expect(await first.virsh('list', '--all', '--name')).not.toContain(name)
    expect(await files(first)).toEqual(whole)
    expect(await cameFrom(await atSecond(), signal)).toBe('libvirt')
    await finishMigration(await atSecond(), world.host, actCall())
    const after = await atSecond()
    expect(await cameFrom(after, signal)).toBeUndefined()
    expect(after.view).toMatchObject({ uuid: before.view.uuid, state: 'running', address: mover.address })
    expect(await boot(after)).toBe(kernel)
    expect(await runIn(after, 'for disk in vdb vdc; do head -n1 /dev/$disk; done')).toBe('copied\nshared\n')
    expect((await files(first)).filter(file => file.startsWith(name))).toEqual([])
    expect(await files(second)).toEqual(whole)
    expect(await second.virsh('domblklist', name)).toMatch(/vdc +(both\.raw|.*\/both\.raw)/)
    const provider = await openProvider(second.uri, common)
    try {
      expect(await observe(provider, mover)).toMatchObject({ status: 'present', identity: mover.identity })
    } finally {
      await provider.close()
    }
  })

  test('switched off, one whose place is taken is not stopped for it', async () => {
    await second.virsh('detach-disk', name, 'vdc', '--live', '--config')
    await first.virsh('vol-create-as', 'vms', `${name}_boot`, '1M')
    const kernel = await boot(await atSecond())
    await expect(migrateMachine(await atSecond(), world.host, offline(), actCall())).rejects.toMatchObject({
      code: 'volume-exists',
    })
    await first.virsh('vol-delete', '--pool', 'vms', `${name}_boot`)
    expect(await boot(await atSecond())).toBe(kernel)
    expect((await files(first)).filter(file => file.startsWith(name))).toEqual([])
    expect(await readdir(here)).toEqual([])
  })

  test('switched off, all of it is copied by way of this machine, and started there', async () => {
    const before = await atSecond()
    const kernel = await boot(before)
    const disks = ['boot', 'cloudinit', 'data-vdb'].map(part => `${name}_${part}`)
    // its disks as they were when it had shut down, under names that nobody takes away
    const held = join(second.poolPath, 'held')
    await mkdir(held)
    for (const disk of disks) await link(join(second.poolPath, 'vms', disk), join(held, disk))
    const call = actCall()
    const done = await migrateMachine(before, world.host, offline(), call)
    expect(done).toMatchObject({ from: 'second', to: 'libvirt', live: false, state: 'running' })
    expect(call.said.filter(one => one.includes('switched off'))).toEqual([])
    const after = await atFirst()
    expect(after.view).toMatchObject({ uuid: before.view.uuid, state: 'running', address: mover.address })
    for (const disk of disks)
      await execa('qemu-img', ['compare', '-U', join(held, disk), join(first.poolPath, 'vms', disk)])
    // and boots from them: from the reset on it is waited for, up to its agent
    const reset = actCall()
    await resetMachine(readyWhen(after, { until: 'agent', timeoutSeconds: 240 }), {}, reset)
    expect(reset.said).toEqual(['waits until its guest agent answers'])
    expect(await boot(after)).not.toBe(kernel)
    expect(await runIn(after, 'head -n1 /dev/vdb')).toBe('copied\n')
    await first.virsh('destroy', name)
    expect(await second.virsh('list', '--all', '--name')).not.toContain(name)
    expect((await files(second)).filter(file => file.startsWith(name))).toEqual([])
    expect((await files(first)).filter(file => file.startsWith(name))).toEqual(whole)
    expect(await readdir(here)).toEqual([])
  })

  test('switched off, one that is cut off is settled either way: it is on one host alone, and runs', async () => {
    const still = 'acts-still'
    const made = world.define(still, {
      bootDisk: { sizeGB: 0.01, empty: true },
      dataDisks: [],
      memoryGiB: 0.0625,
      readiness: { until: 'running' },
      shutdownTimeoutSeconds: 0,
    })
    await create(world.provider, made)
    const hosts = { libvirt: world.host, second: target() }
    const machineOn = async (host: keyof typeof hosts) => {
      const found = (await readMachines(hosts[host], signal)).find(one => one.view.name === still)
      if (found === undefined) throw new Error(`it is not on ${host}`)
      return found
    }
    /** What virsh says of it, and its disks there. */
    const seen = async (lab: typeof first) => [
      'skip' in lab
        ? ''
        : ((await lab.virsh('list', '--all')).split('\n').find(line => line.includes(still)) ?? ''),
      (await files(lab)).filter(file => file === `${still}_boot`).length,
    ]
    const onlyOn = async (host: keyof typeof hosts) => {
      const running = [expect.stringMatching(/running/), 1]
      expect([await seen(first), await seen(second)]).toEqual(
        host === 'second' ? [['', 0], running] : [running, ['', 0]],
      )
    }
    /** A move that throws at this; what its journal tells. */
    const cutOff = async (from: keyof typeof hosts, to: keyof typeof hosts, at: string) => {
      const acts: MoveAct[] = []
      let undone = 0
      const journal = {
        begin: async (act: MoveAct) => void acts.push(act),
        ended: () => {
          undone += 1
        },
      }
      const progress = (said: string) => {
        if (said.startsWith(at)) throw new Error('cut off')
      }
      const options = { ...offline(), timeoutSeconds: 0 }
      const moving = migrateMachine(await machineOn(from), hosts[to], options, { signal, progress }, journal)
      await expect(moving).rejects.toThrow('cut off')
      const [act] = acts
      if (act === undefined) throw new Error('it was not journaled')
      return { act, undone }
    }
    const { undone } = await cutOff('libvirt', 'second', 'starts there')
    expect(undone).toBe(1)
    await onlyOn('libvirt')
    // it is there and here
    const there = await cutOff('libvirt', 'second', 'removes it')
    expect(there.undone).toBe(0)
    const sides = { from: world.host, to: target() }
    expect(await settleMove(there.act, sides, 'forward', actCall())).toBe('second')
    await onlyOn('second')
    // there again, and brought back
    const back = await cutOff('second', 'libvirt', 'removes it')
    const other = { from: target(), to: world.host }
    expect(await settleMove(back.act, other, 'back', actCall())).toBe('second')
    await onlyOn('second')
    // nothing of it has begun
    expect(await settleMove(back.act, other, 'forward', actCall())).toBe('libvirt')
    await onlyOn('libvirt')
    expect(await readdir(here)).toEqual([])
  })
})
