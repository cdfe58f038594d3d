import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/providers/provider.js'
import { libvirtLab } from '../../lab/libvirt.js'
import { create, drift, observe, openProvider, present, remove, thing, update } from './harness.js'

const lab = await libvirtLab({ own: 3 })

describe.skipIf('skip' in lab)(
  `pools, volumes, images, networks${'skip' in lab ? `: ${lab.skip}` : ''}`,
  () => {
    if ('skip' in lab) return
    const signal = new AbortController().signal
    const folder = `${lab.poolPath}/work`
    let provider: Provider

    const pool = thing({ kind: 'StoragePool', name: 'vms', spec: { path: `${lab.poolPath}/vms` } })
    const volume = (name: string, spec = {}) =>
      thing({ kind: 'Volume', name, spec: { pool: 'vms', size: '8MiB', ...spec } })

    beforeAll(async () => {
      await mkdir(folder, { recursive: true })
      provider = await openProvider(lab.uri, folder)
    })
    afterAll(async () => {
      await provider?.close()
      await lab.clean()
    })

    test('a pool is made with the UUID chosen before, started, and read back', async () => {
      expect(await observe(provider, pool)).toEqual({ status: 'absent' })
      await create(provider, pool)
      const seen = await present(provider, pool)
      expect(drift(pool, seen)).toEqual([])
      expect(seen.identity).toEqual(pool.identity)
      expect(seen.facts).toMatchObject({ state: 'running', path: `${lab.poolPath}/vms`, volumes: 0 })
      expect(await lab.virsh('pool-info', 'vms')).toMatch(new RegExp(`UUID: +${pool.identity.uuid}`))
      expect(await lab.virsh('pool-list')).toMatch(/vms +active +yes/)
      await create(provider, pool)
      await expect(
        create(provider, { ...pool, identity: { uuid: crypto.randomUUID() } }),
      ).rejects.toMatchObject({
        code: 'exists',
      })
    })

    test('autostart changed outside is seen and put right', async () => {
      await lab.virsh('pool-autostart', '--disable', 'vms')
      const seen = await present(provider, pool)
      expect(drift(pool, seen)).toEqual(['autostart: false -> true'])
      await update(provider, seen, pool)
      expect(await lab.virsh('pool-list')).toMatch(/vms +active +yes/)
    })

    test('a volume is made, grown, deleted, brought back with its bytes, and destroyed for good', async () => {
      const disk = volume('disk')
      await create(provider, disk)
      const seen = await present(provider, disk)
      expect(drift(disk, seen)).toEqual([])
      expect(seen.facts.reference).toBe('vms:disk')
      expect(await lab.virsh('vol-info', '--pool', 'vms', 'disk')).toMatch(/Capacity: +8.00 MiB/)
      const larger = { ...volume('disk', { size: '16MiB' }), identity: disk.identity }
      expect((await update(provider, seen, larger)).changes).toEqual([{ path: 'size', how: 'live' }])
      const grown = await present(provider, larger)
      expect(drift(larger, grown)).toEqual([])
      expect(await lab.virsh('vol-info', '--pool', 'vms', 'disk')).toMatch(/Capacity: +16.00 MiB/)

      const path = `${lab.poolPath}/vms/disk`
      const digest = async () =>
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      const before = await digest()
      const { kept } = await remove(provider, { ...larger, identity: grown.identity }, 'trash1')
      expect(await observe(provider, larger)).toEqual({ status: 'absent' })
      expect(await lab.virsh('vol-list', 'vms')).not.toContain('disk')
      expect(await readdir(`${lab.poolPath}/vms`)).toEqual(['infra-trash.trash1.disk'])
      // the same delete again, as after a crash, and the same restore twice
      await remove(provider, { ...larger, identity: grown.identity }, 'trash1')
      for (let times = 0; times < 2; times += 1) await create(provider, larger, kept[0])
      expect(drift(larger, await present(provider, larger))).toEqual([])
      expect(await digest()).toBe(before)
      const again = await remove(provider, larger, 'trash2')
      await provider.discard?.(again.kept[0] ?? null, signal)
      await provider.discard?.(again.kept[0] ?? null, signal)
      expect(await readdir(`${lab.poolPath}/vms`)).toEqual([])
    })

    test('a shrink that reaches the provider is refused, and nothing is cut off', async () => {
      const disk = volume('keep', { size: '16MiB' })
      await create(provider, disk)
      const smaller = { ...volume('keep', { size: '8MiB' }), identity: disk.identity }
      await expect(update(provider, await present(provider, disk), smaller)).rejects.toMatchObject({
        code: 'would-shrink',
      })
      expect(drift(disk, await present(provider, disk))).toEqual([])
      await remove(provider, disk)
    })

    test('an image is carried over, known by its bytes, and not deleted while something is based on it', async () => {
      const source = `${await lab.guest('fast')}/fast.qcow2`
      const image = thing({ kind: 'Image', name: 'fast', spec: { pool: 'vms', source: { path: source } } })
      await create(provider, image)
      const seen = await present(provider, image)
      expect(drift(image, seen)).toEqual([])
      expect(seen.facts).toMatchObject({ format: 'qcow2', reference: 'vms:fast.qcow2' })
      expect(Buffer.compare(await readFile(`${lab.poolPath}/vms/fast.qcow2`), await readFile(source))).toBe(0)
      // as after a crash in the middle of the upload
      await create(provider, image)
      expect(drift(image, await present(provider, image))).toEqual([])

      const overlay = volume('overlay', { size: '1GiB', backing: 'fast.qcow2' })
      await create(provider, overlay)
      const based = await present(provider, overlay)
      expect(drift(overlay, based)).toEqual([])
      expect(based.spec.backing).toBe('vms:fast.qcow2')
      await expect(remove(provider, image)).rejects.toMatchObject({ code: 'volume-in-use' })
      await remove(provider, overlay)
      const { kept } = await remove(provider, image)
      expect(await observe(provider, image)).toEqual({ status: 'absent' })
      await create(provider, image, kept[0])
      expect(drift(image, await present(provider, image))).toEqual([])
      await remove(provider, image)
    })

    test('images that are none, and wrong checksums, are refused before anything is made', async () => {
      await writeFile(`${folder}/page.qcow2`, '<html>not found</html>')
      const page = thing({
        kind: 'Image',
        name: 'page',
        spec: { pool: 'vms', source: { path: 'page.qcow2' } },
      })
      await expect(create(provider, page)).rejects.toMatchObject({ kind: 'storage', code: 'no-image' })
      const checksum = `sha256:${'0'.repeat(64)}`
      const wrong = thing({
        kind: 'Image',
        name: 'wrong',
        spec: { pool: 'vms', source: { path: 'page.qcow2' }, checksum },
      })
      await expect(create(provider, wrong)).rejects.toMatchObject({ code: 'checksum-mismatch' })
      expect(await observe(provider, page)).toEqual({ status: 'absent' })
    })

    test('a raw image is converted, and its zeros take no space', async () => {
      const raw = Buffer.alloc(24 << 20)
      raw[510] = 0x55
      raw[511] = 0xaa
      await writeFile(`${folder}/blank.raw`, raw)
      const image = thing({
        kind: 'Image',
        name: 'blank',
        spec: { pool: 'vms', source: { path: 'blank.raw' }, convert: 'qcow2' },
      })
      await create(provider, image)
      const seen = await present(provider, image)
      expect(drift(image, seen)).toEqual([])
      expect(seen.facts).toMatchObject({ format: 'qcow2', virtualSizeBytes: 24 << 20 })
      expect((await stat(`${lab.poolPath}/vms/blank.qcow2`)).blocks * 512).toBeLessThan(2 << 20)
      await remove(provider, image)
    })

    test('what is in a pool that is stopped is unreadable, never missing', async () => {
      const disk = volume('hidden')
      await create(provider, disk)
      await lab.virsh('pool-destroy', 'vms')
      expect(await observe(provider, disk)).toMatchObject({
        status: 'unreadable',
        why: expect.stringContaining('vms is not active'),
      })
      expect((await present(provider, pool)).remark).toContain('not active')
      await lab.virsh('pool-start', 'vms')
      await remove(provider, disk)
    })

    test('a volume whose file was deleted behind libvirt’s back is absent', async () => {
      const disk = volume('vanishing')
      await create(provider, disk)
      await lab.inside('rm', `${lab.poolPath}/vms/vanishing`)
      expect(await observe(provider, disk)).toEqual({ status: 'absent' })
    })

    test('a network: made, changed while it runs, stored for later, deleted', async () => {
      const spec = {
        addresses: ['10.99.7.1/24'],
        dhcp: {
          ranges: [{ start: '10.99.7.10', end: '10.99.7.20' }],
          hosts: [{ ip: '10.99.7.30', mac: '52:54:00:00:01:01', name: 'one' }],
        },
        dns: { hosts: [{ ip: '10.99.7.40', names: ['printer'] }] },
        bridge: `${lab.bridge}x`,
      }
      const network = thing({ kind: 'Network', name: 'net', spec })
      await create(provider, network)
      await create(provider, network)
      const seen = await present(provider, network)
      expect(drift(network, seen)).toEqual([])
      expect(seen.owner).toEqual({ lineage: 'test-lineage', address: 'Network/net' })
      expect(seen.facts).toMatchObject({ state: 'active', bridge: `${lab.bridge}x` })
      expect(await lab.virsh('net-list')).toMatch(/net +active +yes/)

      const next = {
        ...thing({
          kind: 'Network',
          name: 'net',
          spec: {
            ...spec,
            dhcp: { ...spec.dhcp, hosts: [{ ip: '10.99.7.31', mac: '52:54:00:00:01:01', name: 'one' }] },
            dns: { hosts: [{ ip: '10.99.7.40', names: ['printer', 'scanner'] }] },
          },
        }),
        identity: network.identity,
      }
      const { changes } = await update(provider, seen, next)
      expect(new Set(changes.map(change => change.how))).toEqual(new Set(['live']))
      const changed = await present(provider, next)
      expect(drift(next, changed)).toEqual([])
      expect(changed.pending).toBeUndefined()
      const live = await lab.virsh('net-dumpxml', 'net')
      expect(live).toContain("ip='10.99.7.31'")
      expect(live).not.toContain("ip='10.99.7.30'")
      expect(live).toContain('scanner')

      const later = {
        ...thing({ kind: 'Network', name: 'net', spec: { ...next.spec, domain: 'lab.test' } }),
        identity: network.identity,
      }
      await update(provider, changed, later)
      const waiting = await present(provider, later)
      expect(drift(later, waiting)).toEqual([])
      await update(provider, waiting, later, { restart: true })
      await remove(provider, later)
      expect(await observe(provider, later)).toEqual({ status: 'absent' })
      expect(await lab.virsh('net-list', '--all')).not.toMatch(/\bnet\b/)
    })

    test('nobody’s volumes are listed, the trash is not', async () => {
      const [mine, trashed] = [volume('mine'), volume('trashed')]
      await create(provider, mine)
      await create(provider, trashed)
      await lab.virsh('vol-create-as', 'vms', 'stranger', '1M')
      await remove(provider, trashed)
      await lab.virsh('pool-refresh', 'vms')
      const found = await provider.unmanaged?.([pool, mine], signal)
      expect(found?.map(one => `${one.kind} ${one.name} ${one.place}`)).toEqual([
        'Volume stranger in pool vms',
      ])
      await remove(provider, mine)
    })

    test('the pool’s definition goes, its folder stays, and it comes back under its UUID', async () => {
      await remove(provider, pool)
      expect(await observe(provider, pool)).toEqual({ status: 'absent' })
      expect(await lab.virsh('pool-list', '--all')).not.toContain('vms')
      expect(await readdir(`${lab.poolPath}/vms`)).toContain('stranger')
      await create(provider, pool)
      expect((await present(provider, pool)).identity).toEqual(pool.identity)
      await remove(provider, pool)
    })
  },
)
