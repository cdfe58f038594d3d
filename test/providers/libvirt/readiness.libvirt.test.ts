import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { create, observe, openProvider, present, remove, thing } from './harness.js'

/** When machines count as made, what addresses they have, and who uses what. */
const lab = await libvirtLab({ own: 33 })

describe.skipIf('skip' in lab)(`readiness${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let provider: Provider
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const machine = (name: string, spec: Attributes) =>
    thing({
      kind: 'VirtualMachine',
      name,
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
        networkInterfaces: [{ network: 'lab', dhcp: true }],
        shutdownTimeoutSeconds: 0,
        ...spec,
      },
    })

  beforeAll(async () => {
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
  })

  const data = thing({ kind: 'Volume', name: 'data', spec: { pool: 'vms', size: '8MiB' } })
  const based = { pool: 'vms', size: '16MiB', backing: 'vms:data', backingFormat: 'qcow2' }
  const above = thing({ kind: 'Volume', name: 'above', spec: based })
  // one guest, started once, for all that is asked of a guest here
  const open = machine('opens', {
    dataDisks: [{ device: 'vdb', volume: 'vms:above' }],
    readiness: { until: 'tcp', port: 22, timeoutSeconds: 240 },
  })
  const waiting = (readiness: Attributes) => ({ ...open, spec: { ...open.spec, readiness } })

  test('a port that opens: the machine is ready; its address is the one it was asked at', async () => {
    await create(provider, data)
    expect((await present(provider, data)).facts.usedBy).toEqual([])
    await create(provider, above)
    expect((await present(provider, data)).facts.usedBy).toEqual(['vms:above'])
    const { said } = await create(provider, open)
    expect(said).toContain('waits until its port is open')
    expect((await present(provider, open)).facts.addresses).toEqual([expect.stringMatching(/^10\.98\.133\./)])
    expect((await present(provider, data)).facts.usedBy).toEqual(['VirtualMachine/opens'])
    expect((await present(provider, above)).facts.usedBy).toEqual(['VirtualMachine/opens'])
  })

  test('a port that never opens: the step fails in time, with what the serial console said last', async () => {
    // the same create goes on where an earlier one was cut off: here with a guest that has said something
    const deaf = waiting({ until: 'tcp', port: 9, timeoutSeconds: 2 })
    const began = Date.now()
    const error = await create(provider, deaf).catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'not-ready', address: 'VirtualMachine/opens' })
    expect(error.message).toContain('opens did not get ready within 2 s')
    expect(error.why).toContain('Its serial console said last:')
    expect(error.why.split('\n').length).toBeGreaterThan(3)
    expect(Date.now() - began).toBeLessThan(60_000)
  })

  test('cloud-init: a guest without it never gets ready; one that says that it is done does', async () => {
    const made = create(provider, waiting({ until: 'cloudInit', timeoutSeconds: 240 }))
    // the fast guest has no cloud-init: a program of that name stands in for it, which first says that it still runs
    // and its result, which cloud-init writes at its end
    const script =
      '#!/bin/sh\n[ -e /done ] && echo "status: done" || { echo "status: running"; touch /done; }\n'
    const put = 'chmod 755 /bin/cloud-init; mkdir -p /run/cloud-init; echo {} > /run/cloud-init/result.json'
    const write = JSON.stringify({
      execute: 'guest-exec',
      arguments: {
        path: '/bin/sh',
        arg: ['-c', `printf '%s' '${script}' > /bin/cloud-init; ${put}`],
      },
    })
    await expect
      .poll(() => lab.virsh('qemu-agent-command', 'opens', write).catch(() => ''), {
        timeout: 230_000,
        interval: 500,
      })
      .toContain('pid')
    const { said } = await made
    expect(said).toContain('waits until cloud-init has finished')
  })

  test('a volume that it uses is not deleted before it, and is nobody’s after it', async () => {
    const error = await remove(provider, data).catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'volume-in-use' })
    await remove(provider, open)
    expect(await observe(provider, open)).toEqual({ status: 'absent' })
    await remove(provider, above)
    expect((await present(provider, data)).facts.usedBy).toEqual([])
    await remove(provider, data)
  })

  test('a static address is told as soon as the machine runs, and no longer', async () => {
    const ip = `${lab.bridgeNet}.44`
    const fixed = machine('fixed', {
      bootDisk: { sizeGB: 0.01, empty: true },
      memoryGiB: 0.0625,
      networkInterfaces: [{ bridge: lab.bridge, ip: `${ip}/24`, addresses: ['fd00::44/64'] }],
    })
    await create(provider, fixed)
    expect((await present(provider, fixed)).facts).toMatchObject({
      addresses: [ip, 'fd00::44'],
      ipv4: ip,
      ipv6: 'fd00::44',
    })
    await lab.virsh('destroy', 'fixed')
    expect((await present(provider, fixed)).facts.addresses).toEqual([])
    await remove(provider, fixed)
  })
})
