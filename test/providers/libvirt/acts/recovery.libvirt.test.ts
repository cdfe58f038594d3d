import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backupMachine } from '../../../../src/providers/libvirt/acts/backup.js'
import { deleteBackup } from '../../../../src/providers/libvirt/acts/backup-delete.js'
import { exportBackup } from '../../../../src/providers/libvirt/acts/backup-export.js'
import { restoreBackup } from '../../../../src/providers/libvirt/acts/backup-restore.js'
import { findBackup, listBackups, verifyBackup } from '../../../../src/providers/libvirt/acts/backup-store.js'
import type { NamedHost } from '../../../../src/providers/libvirt/acts/open.js'
import { stopMachine } from '../../../../src/providers/libvirt/acts/power.js'
import { beginRescue, endRescue } from '../../../../src/providers/libvirt/acts/rescue.js'
import { listSnapshots } from '../../../../src/providers/libvirt/acts/snapshots.js'
import { upgradeMachine } from '../../../../src/providers/libvirt/acts/upgrade.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { create, observe, remove, type Thing } from '../harness.js'
import { type ActWorld, actCall, actWorld, signal } from './world.js'

/** Backups, rescue and upgrades of a real guest: what it wrote is there again, or was never lost. */
const lab = await libvirtLab({ own: 43 })

describe.skipIf('skip' in lab)(`recovery of machines${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let world: ActWorld
  let here: string
  let safe: Thing
  let host: NamedHost
  const root = () => join(here, 'backups')
  const name = 'acts-safe'
  const write = (text: string) => world.writeDisk(name, text)
  const read = () => world.readDisk(name)
  const vms = (file: string) => `${lab.poolPath}/vms/${file}`
  const files = async () => (await readdir(`${lab.poolPath}/vms`)).sort()

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-recovery-'))
    world = await actWorld(lab)
    host = world.host
    safe = world.define(name, {
      dataDisks: [
        { device: 'vdb', sizeGB: 0.01 },
        { device: 'vdc', sizeGB: 0.01, format: 'raw' },
      ],
    })
    await create(world.provider, safe)
  })
  afterAll(async () => {
    await world?.close()
    await lab.clean()
    await rm(here, { recursive: true, force: true })
  })

  test('a running machine is backed up as of one moment, whole, and nothing of it stays on the host', async () => {
    await write('first')
    const before = await files()
    const backup = await backupMachine(await world.machine(name), { root: root() }, actCall())
    expect(backup.manifest).toMatchObject({
      machine: name,
      running: true,
      quiesced: true,
      disks: [
        { device: 'vda', format: 'qcow2', pool: 'vms', volume: `${name}_boot` },
        { device: 'vdb', format: 'qcow2' },
        { device: 'vdc', format: 'qcow2' },
      ],
      missing: [],
    })
    expect(await files()).toEqual(before)
    // it stands alone: the image is in it
    const info = JSON.parse(
      (await execa('qemu-img', ['info', '--output=json', join(backup.folder, 'vda.qcow2')])).stdout,
    )
    expect(info['backing-filename']).toBeUndefined()
    await execa('qemu-img', ['check', join(backup.folder, 'vda.qcow2')])
    await verifyBackup(backup, signal)
  })

  test('it comes back as another machine, with its bytes, beside the one that it is of', async () => {
    await write('second')
    const backup = await findBackup(root(), name)
    const made = await restoreBackup(host, backup, { name: 'acts-copy', start: true }, actCall())
    expect(made).toMatchObject({
      name: 'acts-copy',
      state: 'running',
      volumes: ['vms:acts-copy_boot', 'vms:acts-copy_data-vdb', 'vms:acts-copy_data-vdc'],
    })
    expect(made.uuid).not.toBe(safe.identity.uuid)
    expect(await lab.virsh('domstate', 'acts-copy')).toContain('running')
    expect(await world.readVolume('acts-copy')).toBe('first\n')
    expect(await read()).toBe('second\n')
    const copy = await world.machine('acts-copy')
    expect(copy.view.address).toBeUndefined()
    const macs = async (machine: string) =>
      (await lab.virsh('domiflist', machine)).match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/)?.[0]
    expect(await macs('acts-copy')).not.toBe(await macs(name))
    await expect(restoreBackup(host, backup, { name: 'acts-copy' }, actCall())).rejects.toMatchObject({
      code: 'exists',
    })
    await stopMachine(copy, { timeoutSeconds: 0 }, actCall())
    await lab.virsh('undefine', 'acts-copy')
    // its disks are there, and nobody knows whose they are
    await expect(restoreBackup(host, backup, { name: 'acts-copy' }, actCall())).rejects.toMatchObject({
      code: 'volume-exists',
    })
    for (const disk of ['boot', 'data-vdb', 'data-vdc'])
      await lab.virsh('vol-delete', '--pool', 'vms', `acts-copy_${disk}`)
  })

  test('one that fails leaves nothing, here or on the host', async () => {
    const backup = await findBackup(root(), name)
    const broken = join(here, 'broken')
    await execa('cp', ['-r', backup.folder, broken])
    const path = join(broken, backup.manifest.disks[1]?.name ?? '')
    const bytes = await readFile(path)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await writeFile(path, bytes)
    const before = await files()
    await expect(
      restoreBackup(host, await findBackup(root(), broken), { name: 'acts-bad' }, actCall()),
    ).rejects.toMatchObject({
      code: 'backup-broken',
    })
    const stop = new AbortController()
    const call = { signal: stop.signal, progress: () => stop.abort(new Error('enough')) }
    await expect(backupMachine(await world.machine(name), { root: root() }, call)).rejects.toThrow()
    expect(await files()).toEqual(before)
    expect(await lab.virsh('list', '--all')).not.toContain('acts-bad')
    expect(await listBackups(root())).toMatchObject({ whole: [{}], broken: [] })
    expect((await readdir(join(root(), name))).filter(one => one.endsWith('.part'))).toEqual([])
    expect(await read()).toBe('second\n')
  })

  test('an upgrade that succeeds stays, with what it said; it is restarted where a package asks for that; its snapshot goes', async () => {
    await write('old')
    const said: string[] = []
    const options = {
      command:
        'echo upgrading; echo new | dd of=/dev/vdb conv=sync,fsync 2>/dev/null; touch /run/reboot-required',
      check: 'dd if=/dev/vdb bs=512 count=1 2>/dev/null | grep -q new',
      output: (text: string) => void said.push(text),
    }
    expect(await upgradeMachine(await world.machine(name), options, actCall())).toEqual({
      by: 'command',
      rebooted: true,
    })
    expect(said.join('')).toContain('upgrading')
    expect(await read()).toBe('new\n')
    expect(await listSnapshots(await world.machine(name), signal)).toEqual([])
  })

  test.each([
    {
      reason: 'the command itself',
      command: 'echo half | dd of=/dev/vdb conv=sync,fsync 2>/dev/null; echo it broke; exit 3',
      check: 'true',
      why: /ended with 3\nit broke/,
    },
    {
      reason: 'what is to hold afterwards',
      command: 'echo half | dd of=/dev/vdb conv=sync,fsync 2>/dev/null',
      check: 'echo not so; exit 1',
      why: /check ended with 1\nnot so/,
    },
  ])('where $reason fails, everything is as it was before', async ({ command, check, why }) => {
    const upgrade = upgradeMachine(await world.machine(name), { command, check, reboot: 'never' }, actCall())
    await expect(upgrade).rejects.toMatchObject({
      code: 'upgrade-failed',
      why: expect.stringMatching(why),
      hint: 'The machine is as it was before.',
    })
    expect(await read()).toBe('new\n')
    expect(await listSnapshots(await world.machine(name), signal)).toEqual([])
    expect((await files()).filter(file => file.includes('infra-upgrade'))).toEqual([])
  })

  test('a guest without a package manager is told', async () => {
    await expect(upgradeMachine(await world.machine(name), {}, actCall())).rejects.toMatchObject({
      code: 'cannot-upgrade',
    })
    expect(await listSnapshots(await world.machine(name), signal)).toEqual([])
  })

  test('a stopped machine is backed up, too, and comes back under its own name as the stack’s', async () => {
    // its guest does it by itself: it is not switched off
    expect(await stopMachine(await world.machine(name), { timeoutSeconds: 120 }, actCall())).toEqual({
      before: 'running',
      state: 'shut off',
      changed: true,
    })
    expect(await lab.virsh('domstate', name)).toContain('shut off')
    const backup = await backupMachine(await world.machine(name), { root: root() }, actCall())
    expect(backup.manifest).toMatchObject({
      running: false,
      quiesced: false,
      disks: [{ format: 'qcow2' }, { format: 'qcow2' }, { format: 'raw' }],
    })
    expect((await listBackups(root())).whole.map(one => one.manifest.machine)).toEqual([name, name])
    await expect(restoreBackup(host, backup, {}, actCall())).rejects.toMatchObject({ code: 'exists' })
    const { kept } = await remove(world.provider, safe, 'gone')
    await restoreBackup(host, backup, {}, actCall())
    const seen = await observe(world.provider, safe)
    expect(seen).toMatchObject({
      status: 'present',
      identity: safe.identity,
      owner: { address: safe.address },
    })
    expect(await world.readVolume(name)).toBe('new\n')
    for (const disk of ['boot', 'data-vdb', 'data-vdc'])
      await execa('qemu-img', ['compare', vms(`infra-trash.gone.${name}_${disk}`), vms(`${name}_${disk}`)])
    for (const token of kept) await world.provider.discard?.(token, signal)
  })

  test('exported, unpacked and restored, it is the same; deleted, it is gone', async () => {
    const backup = await findBackup(root(), name)
    const { file } = await exportBackup(backup, join(here, 'safe.tar'), signal)
    await execa('tar', ['-xf', file, '-C', here])
    const unpacked = await findBackup(root(), join(here, backup.manifest.id))
    await verifyBackup(unpacked, signal)
    for (const one of (await listBackups(root())).whole) await deleteBackup(one)
    expect(await listBackups(root())).toEqual({ whole: [], broken: [] })
  })

  test.each([{ reason: 'an image', request: { image: 'images:fast.qcow2' }, device: 'vdz' }])(
    'a machine boots from $reason with its own disks attached, and goes back',
    async ({ request, device }) => {
      const before = await lab.virsh('dumpxml', name, '--inactive')
      const begun = await beginRescue(await world.machine(name), { ...request, running: true }, actCall())
      expect(begun).toMatchObject({ rescue: true, device, state: 'running' })
      expect((await world.machine(name)).view.rescue).toBe(true)
      await expect(beginRescue(await world.machine(name), request, actCall())).rejects.toMatchObject({
        code: 'in-rescue',
      })
      await expect
        .poll(async () => (await world.machine(name)).view.agent, { timeout: 240_000, interval: 1_000 })
        .toBe(true)
      expect(await world.run(name, 'ls /sys/block | grep -c "^vd"')).toBe('4\n')
      expect(await read()).toBe('new\n')
      const ended = await endRescue(await world.machine(name), {}, actCall())
      expect(ended).toMatchObject({ rescue: false, state: 'running' })
      expect(await lab.virsh('dumpxml', name, '--inactive')).toBe(before)
      expect(await lab.virsh('vol-list', 'images')).not.toContain('rescue')
      await expect(endRescue(await world.machine(name), {}, actCall())).rejects.toMatchObject({
        code: 'not-in-rescue',
      })
      expect(await lab.virsh('domstate', name)).toContain('running')
    },
  )
})
