import { randomUUID } from 'node:crypto'
import { mkdir, readdir } from 'node:fs/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { create, drift, observe, openProvider, present, remove, thing, update } from './harness.js'

/** Snapshots of a machine, with and without its memory, while it runs and when it does not. There is no system on its disks: QEMU is all it takes. */
const lab = await libvirtLab({ own: 32 })

describe.skipIf('skip' in lab)(`snapshots${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let provider: Provider
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const files = async () => (await readdir(`${lab.poolPath}/vms`)).sort()
  const web = thing({
    kind: 'VirtualMachine',
    name: 'snapped',
    spec: {
      vcpus: 1,
      memoryGiB: 0.0625,
      virtualization: 'qemu',
      cpuMode: 'maximum',
      tcgCacheMiB: 16,
      firmware: 'bios',
      storagePool: 'vms',
      imagePool: 'vms',
      autostart: false,
      bootDisk: { sizeGB: 1, image: 'blank.qcow2' },
      dataDisks: [{ device: 'vdb', sizeGB: 0.01, format: 'raw' }],
      networkInterfaces: [],
      shutdownTimeoutSeconds: 0,
    },
  })
  const snapshot = (name: string, spec: Attributes = {}, identity = { uuid: randomUUID() as string }) =>
    thing({ kind: 'Snapshot', name, spec: { virtualMachine: 'snapped', ...spec } }, identity)
  const image = (source: Attributes) => thing({ kind: 'Image', name: 'blank', spec: { pool: 'vms', source } })
  const isCurrentVm = async () => {
    const seen = await present(provider, web)
    expect(drift(web, seen)).toEqual([])
    expect(seen.pending).toBeUndefined()
    return seen
  }

  beforeAll(async () => {
    const folder = `${lab.poolPath}/work`
    await mkdir(folder, { recursive: true })
    provider = await openProvider(lab.uri, folder)
    await create(provider, vms)
    const source = { path: `${folder}/blank.qcow2` }
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', source.path, '8M'])
    await create(provider, image(source))
    await create(provider, web)
  })
  afterAll(async () => {
    await provider?.close()
    await lab.clean()
  })

  const first = snapshot('first', { description: 'before the change' })
  const second = snapshot('second')

  test('of the disks of a running machine, one upon the other; the machine itself is as declared', async () => {
    expect(await observe(provider, first)).toEqual({ status: 'absent' })
    await create(provider, first)
    const seen = await present(provider, first)
    expect(drift(first, seen)).toEqual([])
    expect(seen).toMatchObject({
      identity: first.identity,
      owner: { lineage: 'test-lineage', address: 'Snapshot/first' },
      facts: { state: 'disk-snapshot', current: true, createdAt: expect.stringMatching(/^20.*Z$/) },
    })
    // the same create again, as after a crash behind it
    await create(provider, first)
    await create(provider, second)
    expect((await present(provider, second)).facts).toMatchObject({ parent: 'first', current: true })
    expect((await present(provider, first)).facts.current).toBe(false)
    expect(await lab.virsh('snapshot-list', 'snapped', '--name')).toMatch(/first\s+second/)
    expect(await lab.virsh('domblklist', 'snapped')).toContain(
      `snapped_boot.second-${second.identity.uuid?.slice(0, 8)}`,
    )
    await isCurrentVm()
    // through both overlays
    const blank = await present(provider, image({ path: 'blank.qcow2' }))
    expect(blank.facts.usedBy).toEqual(['VirtualMachine/snapped'])
  })

  test('another of the same name is refused, and a stranger’s is not deleted', async () => {
    await expect(create(provider, snapshot('first'))).rejects.toMatchObject({ code: 'exists' })
    const thief = { ...first, address: 'Snapshot/other' }
    await expect(remove(provider, thief)).rejects.toMatchObject({ code: 'not-owned' })
  })

  test('its description changes and nothing else', async () => {
    const next = { ...snapshot('second', { description: 'a <new> one' }), ...second.identity }
    const to = { ...next, identity: second.identity }
    await update(provider, await present(provider, second), to)
    const seen = await present(provider, to)
    expect(drift(to, seen)).toEqual([])
    expect(seen).toMatchObject({ identity: second.identity, facts: { parent: 'first', current: true } })
  })

  test('both are removed while it runs, the lower one first: nothing is left but the disks', async () => {
    await remove(provider, first)
    await isCurrentVm()
    await Promise.all([remove(provider, second), remove(provider, first)])
    expect(await observe(provider, second)).toEqual({ status: 'absent' })
    expect(await files()).toEqual(['blank.qcow2', 'snapped_boot', 'snapped_data-vdb', 'snapped_serial.log'])
    await isCurrentVm()
  })

  test('with its memory, in files beside the disks', async () => {
    const whole = snapshot('whole', { memory: true })
    await create(provider, whole)
    const seen = await present(provider, whole)
    expect(drift(whole, seen)).toEqual([])
    expect(seen.facts.state).toBe('running')
    expect((await files()).filter(file => file.startsWith('snapped_memory.'))).toHaveLength(1)
    expect(await lab.virsh('domstate', 'snapped')).toContain('running')
    await remove(provider, whole)
    expect(await files()).toEqual(['blank.qcow2', 'snapped_boot', 'snapped_data-vdb', 'snapped_serial.log'])
    await isCurrentVm()
  })

  test('of a stopped machine; with memory it is refused, as is one inside the disks of one that runs', async () => {
    await expect(create(provider, snapshot('in', { storage: 'internal' }))).rejects.toMatchObject({
      code: 'snapshot-impossible',
    })
    await lab.virsh('destroy', 'snapped')
    await expect(create(provider, snapshot('mem', { memory: true }))).rejects.toMatchObject({
      code: 'snapshot-impossible',
      why: expect.stringContaining('does not run'),
    })
    const cold = snapshot('cold')
    await create(provider, cold)
    expect(drift(cold, await present(provider, cold))).toEqual([])
    expect(drift(web, await present(provider, web))).toEqual(['powerState: "stopped" -> "running"'])
    await remove(provider, cold)
    expect(await files()).toEqual(['blank.qcow2', 'snapped_boot', 'snapped_data-vdb', 'snapped_serial.log'])
  })

  test('a machine that is deleted with a snapshot takes its overlays along, and comes back on them', async () => {
    await create(provider, snapshot('a'))
    await create(provider, snapshot('b'))
    const { kept } = await remove(provider, web, 'gone')
    expect((await files()).filter(file => !file.startsWith('infra-trash.'))).toEqual(['blank.qcow2'])
    const stopped = { ...web, spec: { ...web.spec, powerState: 'stopped' } }
    await create(provider, stopped, kept.at(-1))
    expect(drift(stopped, await present(provider, stopped))).toEqual([])
    expect(await lab.virsh('snapshot-list', 'snapped', '--name')).toMatch(/a\s+b/)
    const named = { ...stopped, spec: { ...stopped.spec, title: 'Named' } }
    await update(provider, await present(provider, stopped), named)
    const blocks = await lab.virsh('domblklist', 'snapped')
    expect(blocks).toMatch(/snapped_boot\.b-/)
    expect(blocks).toMatch(/snapped_data-vdb\.b-/)
    const last = await remove(provider, web, 'gone2')
    await provider.discard?.(last.kept.at(-1) ?? null, new AbortController().signal)
    expect(await files()).toEqual(['blank.qcow2'])
  })
})
