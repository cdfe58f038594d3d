import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Attributes, Json } from '../../../src/model/value.js'
import type { Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import {
  create,
  drift,
  observe,
  openProvider,
  present,
  remove,
  type Thing,
  thing,
  update,
} from './harness.js'

/** Real guests: made, changed while they run, restarted, deleted, brought back; every step confirmed by virsh. */
const lab = await libvirtLab({ own: 4 })

describe.skipIf('skip' in lab)(`virtual machines${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  const signal = new AbortController().signal
  let provider: Provider
  const vms = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
  const images = thing({ kind: 'StoragePool', name: 'images', spec: { path: `${lab.poolPath}/images` } })

  const base: Attributes = {
    vcpus: 1,
    maxVcpus: 2,
    memoryGiB: 0.25,
    virtualization: 'qemu',
    cpuMode: 'maximum',
    tcgCacheMiB: 64,
    firmware: 'bios',
    storagePool: 'vms',
    imagePool: 'images',
    autostart: false,
    bootDisk: { sizeGB: 1, image: 'fast.qcow2' },
    networkInterfaces: [{ network: 'lab', dhcp: true }],
    shutdownTimeoutSeconds: 120,
  }
  const machine = (name: string, spec: Attributes = {}, identity = { uuid: randomUUID() as string }): Thing =>
    thing({ kind: 'VirtualMachine', name, spec: { ...base, ...spec } }, identity)
  const files = async () => (await readdir(`${lab.poolPath}/vms`)).sort()
  const digest = async (file: string) =>
    createHash('sha256')
      .update(await readFile(`${lab.poolPath}/vms/${file}`))
      .digest('hex')

  beforeAll(async () => {
    const folder = `${lab.poolPath}/work`
    await mkdir(folder, { recursive: true })
    provider = await openProvider(lab.uri, folder)
    await create(provider, vms)
    await create(provider, images)
    const source = { path: `${await lab.guest('fast')}/fast.qcow2` }
    await create(provider, thing({ kind: 'Image', name: 'fast', spec: { pool: 'images', source } }))
  })
  afterAll(async () => {
    await provider?.close()
    await lab.clean()
  })

  const sum = async (path: string) => (await lab.inside('sha256sum', path)).slice(0, 64)
  const disks = [
    { device: 'vdb', sizeGB: 0.01 },
    { device: 'vdc', sizeGB: 0.02, format: 'raw' },
  ]
  const web = machine('web', {
    firmware: 'uefi',
    tpm: true,
    dataDisks: disks,
    title: 'A web server',
    readiness: { until: 'agent', timeoutSeconds: 280 },
    cloudInit: { fqdn: 'web.lab.test', sshAuthorizedKeys: ['ssh-ed25519 AAAATEST one'], bus: 'virtio' },
  })

  const nvram = '/var/lib/libvirt/qemu/nvram/web_VARS.fd'
  const tpm = `/var/lib/libvirt/swtpm/${web.identity.uuid}/tpm2/tpm2-00.permall`

  test('is made from an image, with disks, seed, UEFI and TPM, up to its agent answering; then there is nothing to do', async () => {
    expect(await observe(provider, web)).toEqual({ status: 'absent' })
    const { said } = await create(provider, web)
    expect(said).toContain('waits until its guest agent answers')
    const seen = await present(provider, web)
    expect(drift(web, seen)).toEqual([])
    expect(seen).toMatchObject({
      identity: web.identity,
      owner: { lineage: 'test-lineage', address: 'VirtualMachine/web' },
      facts: { uuid: web.identity.uuid, state: 'running', phase: 'Running' },
    })
    await expect
      .poll(async () => (await present(provider, web)).facts, { timeout: 60_000, interval: 1_000 })
      .toMatchObject({ hostname: 'web', addresses: [expect.stringMatching(/^10\.98\.104\./)] })
    expect(seen.pending).toBeUndefined()
    expect(seen.remark).toBeUndefined()
    expect(seen.incomplete).toBeUndefined()
    expect(await lab.virsh('domstate', 'web')).toContain('running')
    expect((await lab.virsh('domuuid', 'web')).trim()).toBe(web.identity.uuid)
    expect(await files()).toEqual([
      'web_boot',
      'web_cloudinit',
      'web_data-vdb',
      'web_data-vdc',
      'web_serial.log',
    ])
    expect(await lab.virsh('vol-dumpxml', '--pool', 'vms', 'web_boot')).toContain(
      `${lab.poolPath}/images/fast.qcow2`,
    )
    const address = (await present(provider, web)).facts.ipv4
    expect(await lab.virsh('domifaddr', 'web')).toContain(String(address))
    // the same create again, as after a crash behind it
    await create(provider, web)
    expect(drift(web, await present(provider, web))).toEqual([])
  })

  test('a machine of the same name with another UUID is refused, as are volumes that are there', async () => {
    await expect(create(provider, machine('web'))).rejects.toMatchObject({ code: 'exists' })
    await lab.virsh('vol-create-as', 'vms', 'taken_boot', '1M')
    const error = await create(provider, machine('taken')).catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'volume-exists', kind: 'storage' })
    expect(await lab.virsh('list', '--all')).not.toContain('taken')
    await lab.virsh('vol-delete', '--pool', 'vms', 'taken_boot')
  })

  test.each([
    {
      reason: 'a bridge',
      spec: { networkInterfaces: [{ bridge: 'br-nowhere', dhcp: true }] },
      code: 'no-bridge',
      planned: ['no-bridge'],
    },
    {
      reason: 'a network',
      spec: { networkInterfaces: [{ network: 'lob', dhcp: true }] },
      code: 'no-network',
      planned: ['no-network'],
    },
    {
      reason: 'an image',
      spec: { bootDisk: { sizeGB: 1, image: 'fest.qcow2' } },
      code: 'no-volume',
      planned: ['no-image'],
    },
    { reason: 'a pool', spec: { storagePool: 'nowhere' }, code: 'no-pool', planned: ['no-pool'] },
    {
      reason: 'room for the image',
      spec: { bootDisk: { sizeGB: 0.01, image: 'fast.qcow2' } },
      code: 'disk-too-small',
      planned: [],
    },
  ])('what lacks $reason is refused before anything is made, with what there is', async row => {
    const { spec, code, planned } = row
    const before = await files()
    const poor = machine('poor', spec)
    const { signal } = new AbortController()
    const told = await provider.lacks?.([poor], [poor], signal)
    expect(told?.map(error => error.code)).toEqual(planned)
    for (const error of told ?? []) expect(error.why?.length).toBeGreaterThan(0)
    const error = await create(provider, poor).catch(thrown => thrown)
    expect(error).toMatchObject({ code })
    expect(error.why.length).toBeGreaterThan(0)
    expect(await files()).toEqual(before)
    expect(await lab.virsh('list', '--all')).not.toContain('poor')
  })

  let current: Thing = web
  const tokens: Json[] = []

  test('changes while it runs: CPUs, memory, title, disks grown, added and taken away, interfaces', async () => {
    await lab.virsh(
      'metadata',
      'web',
      '--config',
      '--uri',
      'http://example.org/mine',
      '--key',
      'mine',
      '--set',
      '<note>keep</note>',
    )
    const before = await present(provider, web)
    const next = {
      ...machine('web', {
        ...web.spec,
        vcpus: 2,
        title: 'Two of them',
        dataDisks: [
          { device: 'vdb', sizeGB: 0.03 },
          { device: 'vdd', sizeGB: 0.01 },
        ],
        networkInterfaces: [
          ...(web.spec.networkInterfaces as Attributes[]),
          { name: 'eth1', bridge: lab.bridge, ip: '10.97.0.77/24' },
        ],
      }),
      identity: web.identity,
    }
    const { changes, kept } = await update(provider, before, next, { recorded: web.spec })
    tokens.push(...kept)
    expect(changes.filter(change => change.how === 'restart')).toEqual([])
    expect(kept).toHaveLength(1)
    const seen = await present(provider, next)
    expect(drift(next, seen)).toEqual([])
    // the seed tells the guest of its new interface when it boots again
    expect(seen.pending).toEqual(['cloudInit'])
    expect(seen.remark).toBeUndefined()
    expect((await lab.virsh('vcpucount', 'web', '--live', '--active')).trim()).toBe('2')
    expect((await lab.virsh('domuuid', 'web')).trim()).toBe(web.identity.uuid)
    expect(await lab.virsh('dumpxml', 'web', '--inactive')).toContain('keep</')
    const blocks = await lab.virsh('domblklist', 'web')
    expect(blocks).toContain('web_data-vdd')
    expect(blocks).not.toContain('web_data-vdc')
    expect(await lab.virsh('domblkinfo', 'web', 'vdb')).toMatch(/Capacity: +32212992/)
    expect(await lab.virsh('domiflist', 'web')).toContain('vm0a61004d')
    expect((await files()).filter(file => file.startsWith('infra-trash.'))).toHaveLength(1)

    // and back: the disk that was taken away returns with its volume
    const back = {
      ...machine('web', {
        ...next.spec,
        dataDisks: [
          { device: 'vdb', sizeGB: 0.03 },
          { device: 'vdc', sizeGB: 0.02, format: 'raw' },
        ],
      }),
      identity: web.identity,
    }
    tokens.push(...(await update(provider, seen, back, { recorded: next.spec })).kept)
    const returned = await present(provider, back)
    expect(drift(back, returned)).toEqual([])
    expect(returned.pending).toEqual(['cloudInit'])
    expect((await files()).filter(file => file.startsWith('infra-trash.') && file.includes('vdc'))).toEqual(
      [],
    )
    expect(await lab.virsh('domblklist', 'web')).toContain('web_data-vdc')
    current = back
  })

  test('what needs a restart waits and is told; with leave it is done', async () => {
    const now = await present(provider, current)
    // its guest has told what only a guest can: from here on nobody waits for it
    const spec = { ...current.spec, maxVcpus: 4, readiness: { until: 'running' } }
    const next = { ...machine('web', spec), identity: web.identity }
    await update(provider, now, next)
    const waiting = await present(provider, next)
    expect(drift(next, waiting)).toEqual([])
    expect(waiting.pending).toEqual(['cloudInit', 'maxVcpus'])
    expect((await lab.virsh('vcpucount', 'web', '--live', '--maximum')).trim()).toBe('2')
    const { said } = await update(provider, waiting, next, { restart: true })
    // and its guest shut down by itself
    expect(said).toEqual(['restarts', 'starts'])
    const done = await present(provider, next)
    expect(done.pending).toBeUndefined()
    expect((await lab.virsh('vcpucount', 'web', '--live', '--maximum')).trim()).toBe('4')
    current = next
  })

  test('changes by hand are seen: memory, CPUs, power, pause, an added disk', async () => {
    const whole = { ...current, spec: { ...current.spec, shutdownTimeoutSeconds: 0 } }
    // first of all: a guest that is paused does not compute
    await lab.virsh('suspend', 'web')
    await update(provider, await present(provider, current), whole)
    current = whole
    const paused = await present(provider, whole)
    expect(paused.remark).toContain('paused by hand')
    expect(drift(whole, paused)).toEqual([])
    await lab.virsh('setvcpus', 'web', '1', '--config')
    expect(drift(whole, await present(provider, whole))).toEqual(['vcpus: 1 -> 2'])
    await lab.virsh('setvcpus', 'web', '2', '--config')
    await lab.virsh('resume', 'web')
    await lab.virsh('destroy', 'web')
    expect(drift(whole, await present(provider, whole))).toEqual(['powerState: "stopped" -> "running"'])
    await update(provider, await present(provider, whole), whole)
    expect(await lab.virsh('domstate', 'web')).toContain('running')
    expect(drift(whole, await present(provider, whole))).toEqual([])
  })

  test('deleted while it runs with all that is its own; back with UUID, MACs, TPM and bytes; then gone for good', async () => {
    const macs = (await present(provider, current)).facts.macAddresses
    const { kept, said } = await remove(provider, current, 'gone1')
    expect(said).toEqual([])
    expect(await observe(provider, current)).toEqual({ status: 'absent' })
    expect(await lab.virsh('list', '--all')).not.toContain('web')
    expect(await lab.virsh('vol-list', 'vms')).not.toMatch(/ web_/)
    expect((await files()).every(file => file.startsWith('infra-trash.'))).toBe(true)
    await expect(lab.inside('ls', nvram)).rejects.toThrow()
    const away = {
      boot: await digest('infra-trash.gone1.web_boot'),
      data: await digest('infra-trash.gone1.web_data-vdb'),
      tpm: await sum(tpm),
    }
    // the same delete again, as after a crash
    await remove(provider, current, 'gone1')

    const stopped = { ...current, spec: { ...current.spec, powerState: 'stopped' } }
    await create(provider, stopped, kept.at(-1))
    const back = await present(provider, stopped)
    expect(drift(stopped, back)).toEqual([])
    expect(back.identity).toEqual(web.identity)
    expect(back.facts.macAddresses).toEqual(macs)
    expect(await lab.virsh('dumpxml', 'web', '--inactive')).toContain('http://example.org/mine')
    expect({
      boot: await digest('web_boot'),
      data: await digest('web_data-vdb'),
      tpm: await sum(tpm),
    }).toEqual(away)
    // the same restore again, as after a crash; now it is to run
    await create(provider, current, kept.at(-1))
    expect(drift(current, await present(provider, current))).toEqual([])
    tokens.push(...kept)
  })

  test('variables of UEFI and state of the TPM come back, and go for good, whether or not their pool is there', async () => {
    await lab.virsh('destroy', 'web')
    const before = [await sum(nvram), await sum(tpm)]
    const { kept } = await remove(provider, current, 'gone2')
    await expect(lab.inside('ls', nvram)).rejects.toThrow()
    expect(await sum(tpm)).toBe(before[1])

    const stopped = { ...current, spec: { ...current.spec, powerState: 'stopped' } }
    await create(provider, stopped, kept.at(-1))
    expect(await present(provider, stopped)).toMatchObject({ identity: web.identity })
    expect([await sum(nvram), await sum(tpm)]).toEqual(before)
    const last = await remove(provider, stopped, 'gone3')
    await remove(provider, vms)
    await provider.discard?.(last.kept[0] ?? null, signal)
    await create(provider, vms)
    await expect(lab.inside('ls', nvram)).rejects.toThrow()
    await expect(lab.inside('ls', tpm)).rejects.toThrow()
    for (const token of [...tokens, ...kept]) await provider.discard?.(token, signal)
    expect(await files()).toEqual([])
    expect(await lab.inside('ls', '/etc/libvirt/qemu')).not.toContain('web')
  })

  test('a stranger’s machine is not deleted', async () => {
    const mine = machine('mine', { powerState: 'stopped' })
    await create(provider, mine)
    const thief = { ...mine, address: 'VirtualMachine/other' }
    await expect(remove(provider, thief)).rejects.toMatchObject({ code: 'not-owned' })
    expect(await lab.virsh('domstate', 'mine')).toContain('shut off')
    await remove(provider, mine)
  })

  test('a machine that was renamed while it was off is told, keeps its disks, gets its name back, and goes with all of them', async () => {
    const mine = machine('mine', { powerState: 'stopped', dataDisks: [{ device: 'vdb', sizeGB: 0.01 }] })
    await create(provider, mine)
    await lab.virsh('domrename', 'mine', 'yours')
    const renamed = await present(provider, mine)
    expect(drift(mine, renamed)).toEqual([])
    expect(renamed.identity).toEqual(mine.identity)
    expect(renamed.remark).toContain('it is called yours there')
    const titled = { ...mine, spec: { ...mine.spec, title: 'Mine' } }
    await update(provider, renamed, titled)
    expect((await lab.virsh('domname', mine.identity.uuid ?? '')).trim()).toBe('mine')
    expect((await present(provider, titled)).remark).toBeUndefined()
    const disks = await lab.virsh('domblklist', 'mine', '--inactive')
    expect(disks).toMatch(/vda +mine_boot/)
    expect(disks).toMatch(/vdb +mine_data-vdb/)

    await lab.virsh('domrename', 'mine', 'yours')
    const { kept } = await remove(provider, titled, 'renamed')
    expect(await lab.virsh('list', '--all', '--name')).not.toMatch(/mine|yours/)
    expect((await files()).filter(file => /^(mine|yours)_/.test(file))).toEqual([])
    for (const token of kept) await provider.discard?.(token, signal)
    expect((await files()).filter(file => file.includes('renamed'))).toEqual([])
  })

  test('what a crash leaves is found by its UUID, told as unfinished, and finished or removed', async () => {
    const half = machine('half', { powerState: 'stopped', dataDisks: [{ device: 'vdb', sizeGB: 0.01 }] })
    const stop = new AbortController()
    const cut = {
      signal: stop.signal,
      keep: async () => undefined,
      progress: () => stop.abort(new Error('crash')),
    }
    const request = { ...half, owner: { lineage: 'test-lineage', address: half.address }, labels: {} }
    await expect(provider.create(request, cut)).rejects.toThrow('crash')
    const seen = await present(provider, half)
    expect(seen).toMatchObject({ incomplete: true, identity: half.identity, owner: request.owner })
    await create(provider, half)
    expect(drift(half, await present(provider, half))).toEqual([])
    expect((await present(provider, half)).incomplete).toBeUndefined()
    await remove(provider, half)

    const again = machine('half', half.spec)
    const stopAgain = new AbortController()
    const cutAgain = { ...cut, signal: stopAgain.signal, progress: () => stopAgain.abort(new Error('crash')) }
    await expect(provider.create({ ...request, identity: again.identity }, cutAgain)).rejects.toThrow('crash')
    const { kept } = await remove(provider, again)
    expect(kept).toEqual([])
    expect(await observe(provider, again)).toEqual({ status: 'absent' })
    expect((await files()).filter(file => file.startsWith('half'))).toEqual([])
  })
})
