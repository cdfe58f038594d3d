import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { InfraError } from '../../../src/model/error.js'
import type { Attributes } from '../../../src/model/value.js'
import type { Observation, Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { create, drift, observe, openProvider, present, remove, type Thing, thing } from './harness.js'

/** libvirtd killed and restarted, full pools, strangers, distance: each ends in a clear error, and nothing is lost or left. */
const full = '/var/tmp/infra-test-full-pool'
const isRoot = process.getuid?.() === 0
if (isRoot) {
  // before the lab is up: later mounts are not seen where libvirtd runs
  await mkdir(full, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'infra-test', full])
}
const lab = await libvirtLab({ own: 6 })

afterAll(async () => {
  if (!('skip' in lab)) await lab.clean()
  if (!isRoot) return
  execFileSync('umount', ['-l', full])
  await rmdir(full)
})

describe.skipIf('skip' in lab)(`faults of the provider${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const signal = new AbortController().signal
  const folder = `${lab.poolPath}/work`
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  let provider: Provider

  const machine = (name: string, spec: Attributes = {}): Thing =>
    thing({
      kind: 'VirtualMachine',
      name,
      spec: {
        vcpus: 1,
        memoryGiB: 0.0625,
        virtualization: 'qemu',
        cpuMode: 'maximum',
        firmware: 'bios',
        storagePool: 'vms',
        autostart: false,
        powerState: 'stopped',
        bootDisk: { sizeGB: 0.01, empty: true },
        dataDisks: ['vdb', 'vdc', 'vdd', 'vde'].map(device => ({ device, sizeGB: 0.01 })),
        networkInterfaces: [{ network: 'lab', dhcp: true }],
        ...spec,
      },
    })
  const files = async (of: string) =>
    (await readdir(`${lab.poolPath}/vms`)).filter(file => file.startsWith(of)).sort()
  /** Whole, or told to be in part: an answer may be lost after the last of the work. */
  const expectTold = (vm: Thing, seen: Observation) => {
    if (seen.status === 'present' && seen.incomplete !== true) expect(drift(vm, seen)).toEqual([])
  }
  // A test that is tried again must not meet what its first try left behind
  let turn = 0
  beforeEach(() => {
    turn += 1
  })

  beforeAll(async () => {
    await mkdir(folder, { recursive: true })
    provider = await openProvider(lab.uri, folder)
    await create(provider, vms)
  })
  afterAll(async () => {
    await provider?.close()
  })

  test('libvirtd killed in a create: an error that says so, then all of it is found and removed', async () => {
    for (const delay of [5, 15, 30, 60]) {
      const vm = machine(`cut${delay}-${turn}`)
      const making = create(provider, vm).then(
        () => undefined,
        thrown => thrown,
      )
      await sleep(delay)
      await lab.kill()
      // it is soon there again, as when a system restarts it, so that what comes next does not wait for it in vain
      const [error] = await Promise.all([making, lab.start()])
      if (error !== undefined) expect(error).toMatchObject({ kind: 'connection', address: vm.address })
      const seen = await observe(provider, vm)
      if (seen.status === 'present') {
        expect(seen.identity).toEqual(vm.identity)
        expect(seen.owner).toEqual({ lineage: 'test-lineage', address: vm.address })
        expectTold(vm, seen)
        const { kept } = await remove(provider, vm)
        for (const token of kept) await provider.discard?.(token, signal)
      } else expect(seen).toEqual({ status: 'absent' })
      expect(await lab.virsh('list', '--all')).not.toContain(vm.name)
      expect(await files(vm.name)).toEqual([])
    }
  })

  test('libvirtd killed in a create: the same create again finishes it', async () => {
    const vm = machine(`again-${turn}`)
    const making = create(provider, vm).catch(thrown => thrown)
    await sleep(20)
    await lab.kill()
    // nobody starts it: what is under way ends all the same
    await making
    await lab.start()
    await create(provider, vm)
    const seen = await present(provider, vm)
    expect(drift(vm, seen)).toEqual([])
    expect(seen.incomplete).toBeUndefined()
    const { kept } = await remove(provider, vm)
    for (const token of kept) await provider.discard?.(token, signal)
    expect(await files(vm.name)).toEqual([])
  })

  test('libvirtd killed in a delete: the same delete again finishes it, and the machine can come back', async () => {
    const vm = machine(`back-${turn}`)
    await create(provider, vm)
    const kept: unknown[] = []
    const call = { signal, progress: () => undefined, keep: async (token: unknown) => void kept.push(token) }
    const request = { ...vm, owner: { lineage: 'test-lineage', address: vm.address }, trash: 'cut' }
    const deleting = provider.delete(request, call).catch(thrown => thrown)
    while (kept.length === 0) await sleep(1)
    await sleep(8)
    await lab.kill()
    await deleting
    await lab.start()
    const seen = await observe(provider, vm)
    expectTold(vm, seen)
    await provider.delete(request, call)
    expect(await observe(provider, vm)).toEqual({ status: 'absent' })
    await create(provider, vm, kept.at(-1) as Attributes)
    expect(drift(vm, await present(provider, vm))).toEqual([])
    const disks = ['boot', 'data-vdb', 'data-vdc', 'data-vdd', 'data-vde']
    expect(await files(vm.name)).toEqual(disks.map(disk => `${vm.name}_${disk}`))
    const last = await remove(provider, vm)
    for (const token of last.kept) await provider.discard?.(token, signal)
    expect(await files(vm.name)).toEqual([])
  })

  test('libvirtd killed in a read of many: nothing is ever said to be absent', async () => {
    const many = Array.from({ length: 60 }, (_, n) => machine(`many-${turn}-${n}`, { dataDisks: [] }))
    let next = 0
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let vm = many[next++]; vm !== undefined; vm = many[next++]) await create(provider, vm)
      }),
    )
    const reading = provider.observe(many, signal).then(
      seen => seen,
      thrown => thrown,
    )
    await sleep(25)
    await lab.kill()
    const outcome = await reading
    await lab.start()
    if (outcome instanceof InfraError) expect(outcome.kind).toBe('connection')
    else
      for (const seen of (outcome as Map<string, { status: string }>).values())
        expect(seen.status).not.toBe('absent')
    const seen = await provider.observe(many, signal)
    expect([...seen.values()].every(one => one.status === 'present')).toBe(true)
    for (const vm of many) {
      const { kept } = await remove(provider, vm)
      for (const token of kept) await provider.discard?.(token, signal)
    }
    expect(await files(`many-${turn}`)).toEqual([])
  })

  test('a full pool: a clear error, and what was begun is removed', async () => {
    const small = thing({ kind: 'StoragePool', name: 'full', spec: { path: full } })
    await create(provider, small)
    const source = { path: `${await lab.guest('fast')}/fast.qcow2` }
    const image = thing({ kind: 'Image', name: 'big', spec: { pool: 'full', source } })
    const error = await create(provider, image).catch(thrown => thrown)
    expect(error).toBeInstanceOf(InfraError)
    expect(`${error.message} ${error.why}`).toMatch(/No space left/)
    const { kept } = await remove(provider, image)
    for (const token of kept) await provider.discard?.(token, signal)
    expect(await readdir(full)).toEqual([])
    await remove(provider, small)
  })

  test('a volume that a machine has as a disk is not deleted', async () => {
    const volume = thing({ kind: 'Volume', name: 'shared', spec: { pool: 'vms', size: '8MiB' } })
    await create(provider, volume)
    const vm = machine('user', { dataDisks: [{ device: 'vdb', volume: 'shared' }] })
    await create(provider, vm)
    expect(drift(vm, await present(provider, vm))).toEqual([])
    await expect(remove(provider, volume)).rejects.toMatchObject({
      code: 'volume-in-use',
      why: expect.stringContaining('the machine user'),
    })
    const { kept } = await remove(provider, vm)
    // the volume is not the machine's own: it outlives it
    expect(await files('shared')).toEqual(['shared'])
    await remove(provider, volume)
    for (const token of kept) await provider.discard?.(token, signal)
  })

  test('a machine that someone else removed is absent, and its delete succeeds', async () => {
    const vm = machine('stolen', { dataDisks: [] })
    await create(provider, vm)
    await lab.virsh('undefine', 'stolen')
    expect(await observe(provider, vm)).toEqual({ status: 'absent' })
    await remove(provider, vm)
    // one of its name is a stranger, told by its UUID and without infra's tag
    const xml = `<domain type='qemu'><name>stolen</name><memory>65536</memory><os><type>hvm</type></os></domain>`
    await writeFile(`${folder}/stolen.xml`, xml)
    await lab.virsh('define', `${folder}/stolen.xml`)
    const stranger = await present(provider, vm)
    expect(stranger.owner).toBeUndefined()
    expect(stranger.identity.uuid).not.toBe(vm.identity.uuid)
    await remove(provider, vm)
    expect(await lab.virsh('list', '--all')).toContain('stolen')
    await lab.virsh('undefine', 'stolen')
    await lab.virsh('vol-delete', '--pool', 'vms', 'stolen_boot')
  })

  test('over ssh all of it works the same: made, deleted, brought back, destroyed', async () => {
    const { port, key, knownHosts } = await lab.ssh()
    const uri = `qemu+ssh://root@127.0.0.1:${port}/system?keyfile=${key}&known_hosts=${knownHosts}`
    const far = await openProvider(uri, folder)
    try {
      const vm = machine('far', {
        dataDisks: [{ device: 'vdb', sizeGB: 0.01 }],
        cloudInit: { fqdn: 'far.test' },
      })
      await create(far, vm)
      expect(drift(vm, await present(far, vm))).toEqual([])
      const { kept } = await remove(far, vm, randomUUID().slice(0, 8))
      expect(await observe(far, vm)).toEqual({ status: 'absent' })
      await create(far, vm, kept[0])
      expect(drift(vm, await present(far, vm))).toEqual([])
      expect(await files('far')).toEqual(['far_boot', 'far_cloudinit', 'far_data-vdb'])
      const last = await remove(far, vm)
      await far.discard?.(last.kept[0] ?? null, signal)
      expect(await files('far')).toEqual([])
    } finally {
      await far.close()
    }
  })
})
