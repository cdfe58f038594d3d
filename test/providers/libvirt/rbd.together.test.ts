import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes, Json } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { type CephLab, cephLab, cephLabMissing } from '../../lab/ceph.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { openProvider as openCeph, Subject } from '../ceph/harness.js'
import { create, drift, observe, openProvider, present, remove, thing, update } from './harness.js'

const run = promisify(execFile)

/** Images of a real Ceph cluster as disks of a real guest, and its pools as pools of libvirt. */
const missing = await cephLabMissing()
const lab = missing === undefined ? await libvirtLab({ own: 34 }) : { skip: missing }

describe.skipIf('skip' in lab)(`RBD disks${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let cluster: CephLab
  let ceph: Provider
  let provider: Provider
  let disk: Attributes
  let key: string
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const machine = (dataDisks: readonly Attributes[]) =>
    thing(
      {
        kind: 'VirtualMachine',
        name: 'rbdguest',
        spec: {
          vcpus: 1,
          memoryGiB: 0.25,
          virtualization: 'qemu',
          cpuMode: 'maximum',
          tcgCacheMiB: 64,
          firmware: 'bios',
          storagePool: 'vms',
          imagePool: 'vms',
          autostart: false,
          bootDisk: { sizeGB: 1, image: 'fast.qcow2' },
          dataDisks,
          networkInterfaces: [{ network: 'lab', dhcp: true }],
          readiness: { until: 'agent', timeoutSeconds: 180 },
          shutdownTimeoutSeconds: 0,
        },
      },
      { uuid: '6f0d8ab2-7a0c-4f6e-9d0b-3c1f2e4a5b34' },
    )

  beforeAll(async () => {
    cluster = await cephLab({ name: 'rbd-disks', port: 18_700, mdss: 0 })
    ceph = await openCeph(cluster)
    await new Subject(ceph, 'CephPool', 'disks', { application: 'rbd', size: 1 }).create()
    const image = new Subject(ceph, 'RbdImage', 'data', { pool: 'disks', size: '24MiB' })
    await image.create()
    disk = (await image.present()).facts.disk as Attributes
    const keyring = await readFile(String(disk.keyring), 'utf8')
    key = /key\s*=\s*(\S+)/.exec(keyring)?.[1] ?? ''
    const folder = `${lab.poolPath}/work`
    await mkdir(folder, { recursive: true })
    provider = await openProvider(lab.uri, folder)
    await create(provider, vms)
    const source = { path: `${await lab.guest('fast')}/fast.qcow2` }
    await create(provider, thing({ kind: 'Image', name: 'fast', spec: { pool: 'vms', source } }))
  })
  afterAll(async () => {
    await provider?.close()
    await lab.clean()
    await ceph?.close()
    await cluster?.clean()
  })

  const guest = async (command: string): Promise<string> => {
    const agent = async (execute: string, args: object) =>
      JSON.parse(
        await lab.virsh('qemu-agent-command', 'rbdguest', JSON.stringify({ execute, arguments: args })),
      ).return
    const { pid } = await agent('guest-exec', {
      path: '/bin/sh',
      arg: ['-c', command],
      'capture-output': true,
    })
    let state = await agent('guest-exec-status', { pid })
    while (!state.exited) state = await agent('guest-exec-status', { pid })
    return Buffer.from(state['out-data'] ?? '', 'base64').toString()
  }

  test('one reference is enough: the guest reads and writes the image; the key is told nowhere', async () => {
    expect(disk).toMatchObject({
      pool: 'disks',
      image: 'data',
      user: 'admin',
      monitors: [expect.any(String)],
    })
    expect(key).not.toBe('')
    const declared = machine([{ device: 'vdb', source: { rbd: disk } }])
    const { said } = await create(provider, declared)
    const seen = await present(provider, declared)
    expect(drift(declared, seen)).toEqual([])
    expect(await guest('cat /sys/block/vdb/size')).toBe(`${(24 << 20) / 512}\n`)
    await guest('printf hello-from-the-guest > /dev/vdb; sync')
    const exported = join(lab.poolPath, 'work', 'data.raw')
    await cluster.rbd('export', '--no-progress', 'disks/data', exported)
    expect((await readFile(exported)).subarray(0, 20).toString()).toBe('hello-from-the-guest')
    const told = JSON.stringify([declared, seen, said]) + (await lab.virsh('dumpxml', 'rbdguest'))
    expect(told).not.toContain(key)
  })

  test('the disk is taken away and given back while the guest runs', async () => {
    const [without, declared] = [machine([]), machine([{ device: 'vdb', source: { rbd: disk } }])]
    await update(provider, await present(provider, declared), without, { recorded: declared.spec })
    expect(drift(without, await present(provider, without))).toEqual([])
    expect(await lab.virsh('domblklist', 'rbdguest')).not.toContain('disks/data')
    await update(provider, await present(provider, without), declared, { recorded: without.spec })
    expect(drift(declared, await present(provider, declared))).toEqual([])
    // The guest's kernel finds a disk that was plugged in in its own time
    await expect
      .poll(() => guest('head -c 20 /dev/vdb'), { timeout: 60_000, interval: 200 })
      .toBe('hello-from-the-guest')
  })

  test('deleted and brought back: the image is as it was', async () => {
    const declared = machine([{ device: 'vdb', source: { rbd: disk } }])
    const { kept } = await remove(provider, declared)
    expect(JSON.stringify(kept)).not.toContain(key)
    expect(await cluster.rbd('ls', 'disks')).toContain('data')
    await create(provider, declared, kept.at(-1) as Json)
    expect(await guest('head -c 20 /dev/vdb')).toBe('hello-from-the-guest')
    await remove(provider, declared)
  })

  test('a pool of type rbd: its images are volumes', async () => {
    const { image: _image, ...rbd } = disk
    const pool = thing({ kind: 'StoragePool', name: 'ceph-disks', spec: { type: 'rbd', rbd } })
    await create(provider, pool)
    const seen = await present(provider, pool)
    expect(drift(pool, seen)).toEqual([])
    expect(seen.facts).toMatchObject({ state: 'running', volumes: 1 })
    const volume = thing({
      kind: 'Volume',
      name: 'more',
      spec: { pool: 'ceph-disks', size: '8MiB', format: 'raw' },
    })
    await create(provider, volume)
    expect(drift(volume, await present(provider, volume))).toEqual([])
    expect((await cluster.rbd('ls', 'disks')).split('\n')).toContain('more')
    await lab.virsh('vol-delete', '--pool', 'ceph-disks', 'more')
    await remove(provider, pool)
    expect(await observe(provider, pool)).toEqual({ status: 'absent' })
  })

  test('the key of a client goes into a secret of libvirt, and so does the next one after it was rotated', async () => {
    const reader = new Subject(ceph, 'CephClient', 'reader', {
      caps: { mon: 'profile rbd', osd: 'profile rbd' },
    })
    const keyOf = async () => String((await reader.present()).facts.key)
    const { image: _image, keyring: _keyring, ...rbd } = disk
    const pool = async () =>
      thing(
        {
          kind: 'StoragePool',
          name: 'read-disks',
          spec: { type: 'rbd', rbd: { ...rbd, user: 'reader', key: await keyOf() } },
        },
        { uuid: 'a3c4f6f2-5d0e-4c57-9a53-7c1b0b9e6d11' },
      )
    /** What libvirt lists with the key that it has: it tells it to nobody. */
    const listed = () => lab.virsh('vol-list', 'read-disks')
    const refresh = () => lab.virsh('pool-refresh', 'read-disks')
    await reader.create()
    const first = await pool()
    const { said } = await create(provider, first)
    const old = await keyOf()
    await refresh()
    expect(await listed()).toContain('data')
    const keyring = join(lab.poolPath, 'work', 'reader.keyring')
    const caps = ['--cap', 'mon', 'profile rbd', '--cap', 'osd', 'profile rbd']
    await run('ceph-authtool', ['--create-keyring', '--gen-key', '-n', 'client.reader', ...caps, keyring])
    await cluster.ceph('auth', 'import', '-i', keyring)
    const next = await pool()
    expect(await keyOf()).not.toBe(old)
    const changed = await update(provider, await present(provider, first), next, { recorded: first.spec })
    // With the old one it would fail: each look is a connection of its own
    await refresh()
    expect(await listed()).toContain('data')
    const seen = await present(provider, next)
    expect(seen.facts).toMatchObject({ state: 'running' })
    const told = JSON.stringify([said, changed, seen]) + (await lab.virsh('pool-dumpxml', 'read-disks'))
    for (const secret of [old, await keyOf()]) expect(told).not.toContain(secret)
    const { kept } = await remove(provider, next)
    expect(JSON.stringify(kept)).not.toContain(await keyOf())
    expect(await lab.virsh('secret-list')).not.toContain('reader')
    await reader.discard(await reader.remove())
  })

  test('a user without a key is refused', async () => {
    const { image: _image, ...rbd } = disk
    const nobody = { ...rbd, user: 'nobody' }
    const other = thing({ kind: 'StoragePool', name: 'no', spec: { type: 'rbd', rbd: nobody } })
    const error = await create(provider, other).catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'no-ceph-key' })
    expect(await readdir(lab.poolPath)).not.toContain('no')
  })
})
