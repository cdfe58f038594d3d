import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodePorts } from '../../../../src/model/node-ports.js'
import { deleteImage, listImages, putImage } from '../../../../src/providers/libvirt/acts/images.js'
import { type Hosts, openHosts } from '../../../../src/providers/libvirt/acts/open.js'
import { listPools, poolDetails, refreshPool } from '../../../../src/providers/libvirt/acts/pools.js'
import {
  analyzeStorage,
  storageStatus,
  usualThresholds,
} from '../../../../src/providers/libvirt/acts/storage.js'
import { libvirtLab } from '../../../lab/libvirt.js'
import { actCall, connectionTo, dirPools, onlyHost, signal } from './world.js'

/** Pools, images and what is to be said of them, against a real libvirt. */
const lab = await libvirtLab({ own: 48 })

describe.skipIf('skip' in lab)(`acts on storage${'skip' in lab ? `: ${lab.skip}` : ''}`, () => {
  if ('skip' in lab) return
  let hosts: Hosts
  let here: string
  let image: string
  const host = () => onlyHost(hosts)
  const images = () => listImages(host(), ['images'], signal)

  beforeAll(async () => {
    here = await mkdtemp(join(tmpdir(), 'infra-storage-'))
    await dirPools(lab, 'vms', 'images')
    await lab.virsh('pool-define-as', 'asleep', 'dir', '--target', `${lab.poolPath}/asleep`)
    image = `${await lab.guest('fast')}/fast.qcow2`
    hosts = await openHosts([connectionTo(lab.uri, here)], nodePorts, signal)
  })
  afterAll(async () => {
    await hosts?.close()
    await lab.clean()
    await rm(here, { recursive: true, force: true })
  })

  test('pools are listed with how full they are; a file that was put there by hand is seen after a refresh', async () => {
    const pools = await listPools(host(), signal)
    expect(pools.map(pool => [pool.name, pool.state])).toEqual([
      ['asleep', 'inactive'],
      ['images', 'running'],
      ['lab', 'running'],
      ['vms', 'running'],
    ])
    const info = await lab.virsh('pool-info', '--bytes', 'vms')
    const vms = pools.find(pool => pool.name === 'vms')
    expect(info).toMatch(new RegExp(`Capacity: +${vms?.capacityBytes}\\b`))
    expect(vms).toMatchObject({ type: 'dir', path: `${lab.poolPath}/vms`, volumes: 0 })
    await writeFile(`${lab.poolPath}/vms/by-hand.raw`, Buffer.alloc(4096))
    expect((await poolDetails(host(), 'vms', signal)).volumes).toEqual([])
    await refreshPool(host(), 'vms', signal)
    expect((await poolDetails(host(), 'vms', signal)).volumes).toMatchObject([
      { name: 'by-hand.raw', format: 'raw', capacityBytes: 4096 },
    ])
    await expect(refreshPool(host(), 'asleep', signal)).rejects.toMatchObject({ code: 'pool-inactive' })
    await expect(poolDetails(host(), 'vmz', signal)).rejects.toMatchObject({
      code: 'no-pool',
      why: expect.stringContaining('vms'),
    })
    await lab.virsh('vol-delete', '--pool', 'vms', 'by-hand.raw')
  })

  test('an image is put in byte for byte, once; what is none leaves nothing', async () => {
    const made = await putImage(host(), { name: 'fast.qcow2', path: image, pool: 'images' }, actCall())
    expect(made).toMatchObject({ reference: 'images:fast.qcow2', format: 'qcow2', usedBy: [] })
    const sum = async (path: string) =>
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
    expect(await sum(`${lab.poolPath}/images/fast.qcow2`)).toBe(await sum(image))
    const again = putImage(host(), { name: 'fast.qcow2', path: image, pool: 'images' }, actCall())
    await expect(again).rejects.toMatchObject({ code: 'exists' })

    await writeFile(join(here, 'page.qcow2'), '<html>not found</html>'.padEnd(600))
    const none = putImage(
      host(),
      { name: 'page.qcow2', path: join(here, 'page.qcow2'), pool: 'images' },
      actCall(),
    )
    await expect(none).rejects.toMatchObject({ code: 'no-image' })
    const wrong = putImage(
      host(),
      { name: 'other.qcow2', path: image, pool: 'images', checksum: `sha256:${'0'.repeat(64)}` },
      actCall(),
    )
    await expect(wrong).rejects.toMatchObject({ code: 'checksum-mismatch' })
    const unpinned = putImage(
      host(),
      { name: 'far.qcow2', url: 'https://example.org/far.qcow2', pool: 'images' },
      actCall(),
    )
    await expect(unpinned).rejects.toMatchObject({ code: 'missing-checksum' })
    expect((await images()).map(one => one.name)).toEqual(['fast.qcow2'])
  })

  test('who uses an image is told, and what is used is not deleted', async () => {
    const base = ['--backing-vol', `${lab.poolPath}/images/fast.qcow2`, '--backing-vol-format', 'qcow2']
    await lab.virsh('vol-create-as', 'vms', 'top', '100M', '--format', 'qcow2', ...base)
    const [used] = await images()
    expect(used?.usedBy).toEqual(['volume vms:top'])
    if (used === undefined) return
    await expect(deleteImage(host(), used, signal)).rejects.toMatchObject({ code: 'volume-in-use' })
    await lab.virsh('vol-delete', '--pool', 'vms', 'top')
    host().host.usage.forget()
    await deleteImage(host(), used, signal)
    expect(await images()).toEqual([])
    expect(await lab.virsh('vol-list', 'images')).not.toContain('fast')
  })

  test('storage is summed up without counting one file system twice, and what is to be done is told', async () => {
    const status = await storageStatus(host(), signal)
    const pools = await listPools(host(), signal)
    const vms = pools.find(pool => pool.name === 'vms')
    expect(status.capacityBytes).toBe(vms?.capacityBytes)
    await lab.virsh('vol-create-as', 'vms', 'forgotten', '100M', '--format', 'qcow2')
    await lab.virsh('vol-create-as', 'vms', 'huge', '900T', '--format', 'qcow2')
    const advice = await analyzeStorage(host(), usualThresholds, signal)
    const told = advice.map(one => [one.pool, one.is, one.volume])
    expect(told).toContainEqual(['asleep', 'inactive', undefined])
    expect(told).toContainEqual(['vms', 'orphan', 'forgotten'])
    expect(told).toContainEqual(['vms', 'promised', undefined])
    // a folder within the pool's own folder is no volume that anybody forgot
    expect(told.filter(([pool]) => pool === 'lab')).toEqual([])
    const tight = await analyzeStorage(host(), { filling: 0, full: 0 }, signal)
    expect(tight[0]).toMatchObject({ is: 'full', severity: 'error' })
    await lab.virsh('vol-delete', '--pool', 'vms', 'forgotten')
    await lab.virsh('vol-delete', '--pool', 'vms', 'huge')
  })
})
