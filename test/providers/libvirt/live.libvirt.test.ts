import { mkdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { create, drift, openProvider, present, remove, thing, update } from './harness.js'

/** What changes while a guest runs, attribute by attribute, confirmed by virsh. */
const lab = await libvirtLab({ own: 36 })

describe.skipIf('skip' in lab)(`live changes${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let provider: Provider
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const base: Attributes = {
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
    networkInterfaces: [{ network: 'lab', dhcp: true }],
    graphics: { type: 'vnc', password: 'first' },
    installIso: 'vms:one.iso',
    readiness: { until: 'agent', timeoutSeconds: 180 },
    shutdownTimeoutSeconds: 0,
  }
  const identity = { uuid: '0b7c1e52-53a4-4b0e-8c2f-5d1a6e9f3c71' }
  const machine = (spec: Attributes = {}) =>
    thing({ kind: 'VirtualMachine', name: 'lively', spec: { ...base, ...spec } }, identity)

  beforeAll(async () => {
    const folder = `${lab.poolPath}/work`
    await mkdir(folder, { recursive: true })
    provider = await openProvider(lab.uri, folder)
    await create(provider, vms)
    const source = { path: `${await lab.guest('fast')}/fast.qcow2` }
    await create(provider, thing({ kind: 'Image', name: 'fast', spec: { pool: 'vms', source } }))
    for (const name of ['one.iso', 'two.iso'])
      await lab.virsh('vol-create-as', 'vms', name, '1M', '--format', 'raw')
    await create(provider, machine())
  })
  afterAll(async () => {
    await provider?.close()
    await lab.clean()
  })

  const plug = { network: 'lab', dhcp: true }
  let current = machine()
  const changed = async (spec: Attributes) => {
    const next = machine(spec)
    const before = await present(provider, current)
    const { changes } = await update(provider, before, next, { recorded: current.spec })
    expect(changes.length).toBeGreaterThan(0)
    expect(changes.filter(change => change.how === 'restart')).toEqual([])
    current = next
    const seen = await present(provider, next)
    expect(drift(next, seen)).toEqual([])
    expect(seen.pending).toBeUndefined()
    return lab.virsh('dumpxml', 'lively')
  }

  test('the medium in its drive', async () => {
    expect(await lab.virsh('domblklist', 'lively')).toContain('one.iso')
    expect(await changed({ installIso: 'vms:two.iso' })).toContain('two.iso')
    expect(await lab.virsh('domblklist', 'lively')).toContain('two.iso')
  })

  test('limits of a disk: set, changed, taken away', async () => {
    const bootDisk = (limits: Attributes) => ({ sizeGB: 1, image: 'fast.qcow2', limits })
    await changed({ installIso: 'vms:two.iso', bootDisk: bootDisk({ totalIops: 500 }) })
    expect(await lab.virsh('blkdeviotune', 'lively', 'vda')).toMatch(/total_iops_sec *: 500/)
    await changed({ installIso: 'vms:two.iso', bootDisk: bootDisk({ writeBytesPerSecond: 1 << 20 }) })
    const tuned = await lab.virsh('blkdeviotune', 'lively', 'vda')
    expect(tuned).toMatch(/total_iops_sec *: 0/)
    expect(tuned).toMatch(/write_bytes_sec: *1048576/)
    await changed({ installIso: 'vms:two.iso' })
    expect(await lab.virsh('blkdeviotune', 'lively', 'vda')).toMatch(/write_bytes_sec: *0/)
  })

  test('the link of an interface', async () => {
    const iso = { installIso: 'vms:two.iso' }
    await changed({ ...iso, networkInterfaces: [{ ...plug, link: 'down' }] })
    const [mac] = (await present(provider, current)).facts.macAddresses as string[]
    expect(await lab.virsh('domif-getlink', 'lively', String(mac))).toContain('down')
  })

  test('memory below its maximum, by the balloon', async () => {
    const iso = { installIso: 'vms:two.iso' }
    const next = machine({ ...iso, memoryGiB: 0.1875, maxMemoryGiB: 0.25 })
    await update(provider, await present(provider, current), next, { recorded: current.spec })
    await expect
      .poll(() => lab.virsh('dommemstat', 'lively'), { timeout: 30_000, interval: 500 })
      .toMatch(/actual 196608/)
    current = next
    expect(drift(next, await present(provider, next))).toEqual([])
  })

  test('the password of its display', async () => {
    const spec = { installIso: 'vms:two.iso', memoryGiB: 0.1875, maxMemoryGiB: 0.25 }
    const next = machine({ ...spec, graphics: { type: 'vnc', password: 'second' } })
    await update(provider, await present(provider, current), next, { recorded: current.spec })
    expect(await lab.virsh('dumpxml', 'lively', '--security-info')).toContain("passwd='second'")
    expect(await lab.virsh('dumpxml', 'lively', '--security-info', '--inactive')).toContain("passwd='second'")
    expect(JSON.stringify(await present(provider, next))).not.toContain('second')
    current = next
    await remove(provider, next)
  })

  test('Ignition: its configuration is a file that QEMU offers to the guest, and goes with the machine', async () => {
    const config = { ignition: { version: '3.3.0' }, passwd: { users: [{ name: 'core' }] } }
    const spec: Attributes = {
      ...base,
      readiness: { until: 'running' },
      ignition: { config: JSON.stringify(config) },
    }
    const { installIso: _iso, graphics: _graphics, ...rest } = spec
    const lit = thing({ kind: 'VirtualMachine', name: 'lit', spec: rest })
    await create(provider, lit)
    expect(drift(lit, await present(provider, lit))).toEqual([])
    const file = `${lab.poolPath}/vms/lit_ignition`
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject(config)
    const pid = (await lab.inside('cat', '/run/libvirt/qemu/lit.pid')).trim()
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    expect(command.find(word => word.includes('opt/com.coreos/config'))).toContain(file)
    await remove(provider, lit)
    expect(await lab.virsh('vol-list', 'vms')).not.toContain(' lit_')
  })
})
