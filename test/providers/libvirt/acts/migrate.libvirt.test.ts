import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import { outputInGuest } from '../../../../src/providers/libvirt/acts/exec.js'
import { readMachines } from '../../../../src/providers/libvirt/acts/machines.js'
import { migrateMachine } from '../../../../src/providers/libvirt/acts/migrate.js'
import { type Hosts, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import { createSnapshot, deleteSnapshot } from '../../../../src/providers/libvirt/acts/snapshots.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create, observe, openProvider, type Thing } from '../harness.js'
import { type ActWorld, actCall, actWorld, connectionTo, signal } from './world.js'

/** From one real libvirt to another, each with guests of its own. */
const first = await libvirtLab({ own: 44 })
const second = await libvirtLab({ own: 45 })
const why = 'skip' in first ? first.skip : 'skip' in second ? second.skip : undefined

describe.skipIf(why !== undefined)(`moving machines${why === undefined ? '' : `: ${why}`}`, () => {
  if ('skip' in first || 'skip' in second) return
  let world: ActWorld
  let there: Hosts
  let here: string
  let mover: Thing
  const name = 'acts-mover'
  const target = () => {
    const [host] = there.open
    if (host === undefined) throw there.down[0]?.error
    return host
  }
  const arrived = async () => {
    const found = (await readMachines(target(), signal)).find(one => one.view.name === name)
    if (found === undefined) throw new Error('it is not there')
    return found
  }
  const files = (lab: typeof first) => ('skip' in lab ? Promise.resolve([]) : readdir(`${lab.poolPath}/vms`))

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-migrate-test-'))
    world = await actWorld(first)
    await second.virsh('pool-define-as', 'vms', 'dir', '--target', `${second.poolPath}/vms`)
    await second.virsh('pool-build', 'vms')
    await second.virsh('pool-start', 'vms')
    there = await openHosts([connectionTo(second.uri, here, 'second')], nodePorts, signal)
    mover = world.define(name, { cloudInit: { fqdn: 'mover.lab.test', bus: 'virtio' } })
    await create(world.provider, mover)
  })
  afterAll(async () => {
    await there?.close()
    await world?.close()
    await first.clean()
    await second.clean()
    await rm(here, { recursive: true, force: true })
  })

  test('what cannot come along stops it before the machine is touched', async () => {
    await createSnapshot(await world.machine(name), { name: 'held' }, signal)
    await expect(
      migrateMachine(await world.machine(name), target(), { scratch: here }, actCall()),
    ).rejects.toMatchObject({
      code: 'cannot-migrate',
      why: expect.stringContaining('snapshots'),
    })
    await deleteSnapshot(await world.machine(name), 'held', signal)
    await expect(
      migrateMachine(await world.machine(name), target(), { scratch: here, pool: 'nowhere' }, actCall()),
    ).rejects.toMatchObject({ code: 'cannot-migrate', why: expect.stringContaining('nowhere') })
    expect((await world.machine(name)).view.state).toBe('running')
  })

  test('one that fails on its way goes on here, and nothing is there', async () => {
    await second.virsh('vol-create-as', 'vms', `${name}_boot`, '1M')
    await expect(
      migrateMachine(await world.machine(name), target(), { scratch: here }, actCall()),
    ).rejects.toMatchObject({
      code: 'volume-exists',
    })
    await second.virsh('vol-delete', '--pool', 'vms', `${name}_boot`)
    expect((await world.machine(name)).view.state).toBe('running')
    expect(await files(second)).toEqual([])
    expect(await readdir(here)).toEqual([])
    await expect
      .poll(async () => (await world.machine(name)).view.agent, { timeout: 240_000, interval: 1_000 })
      .toBe(true)
  })

  test('it runs there with its UUID, its bytes, its seed and its owner, and is gone here', async () => {
    const before = await world.machine(name)
    await outputInGuest(
      before,
      { command: ['sh', '-c', 'echo moved | dd of=/dev/vdb conv=sync,fsync'] },
      signal,
    )
    const done = await migrateMachine(before, target(), { scratch: here }, actCall())
    expect(done).toMatchObject({ from: 'libvirt', to: 'second', state: 'running' })
    const after = await arrived()
    expect(after.view).toMatchObject({ uuid: before.view.uuid, state: 'running', address: mover.address })
    const said = await outputInGuest(after, { command: ['sh', '-c', 'head -n1 /dev/vdb; hostname'] }, signal)
    expect(said.output).toBe('moved\nmover\n')
    expect(await first.virsh('list', '--all')).not.toContain(name)
    expect((await files(first)).filter(file => file.startsWith(name))).toEqual([])
    expect((await files(second)).sort()).toEqual([
      `${name}_boot`,
      `${name}_cloudinit`,
      `${name}_data-vdb`,
      `${name}_serial.log`,
    ])
    expect(await readdir(here)).toEqual([])
    const provider = await openProvider(second.uri, here)
    try {
      expect(await observe(provider, mover)).toMatchObject({ status: 'present', identity: mover.identity })
    } finally {
      await provider.close()
    }
  })
})
