import { describe, expect, it } from 'vitest'
import { withoutSecrets } from '../../../../src/providers/libvirt/xml/metadata.js'
import { buildNetwork, readNetwork } from '../../../../src/providers/libvirt/xml/network.js'
import { parseXml } from '../../../../src/providers/libvirt/xml/parse.js'
import { buildPool, readPool } from '../../../../src/providers/libvirt/xml/pool.js'
import { buildCephSecret, cephSecret, readSecret } from '../../../../src/providers/libvirt/xml/secret.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'
import { buildSnapshot, readSnapshot } from '../../../../src/providers/libvirt/xml/snapshot.js'
import type { XmlElement } from '../../../../src/providers/libvirt/xml/tree.js'
import { buildVolume, readVolume } from '../../../../src/providers/libvirt/xml/volume.js'
import { lineage } from './machines.js'
import { networks, pools, volumes } from './objects.js'

function written(tree: XmlElement): XmlElement {
  return parseXml(serializeXml(tree))
}

describe('XML of pools', () => {
  it.each(pools)('says again what the spec said: %s', (name, spec) => {
    const { autostart: _a, build: _b, ...told } = withoutSecrets(spec, ['rbd.key'])
    const reading = readPool(written(buildPool({ name, spec, rbdSecret: lineage })), spec)
    expect(reading.spec).toEqual(told)
    expect(reading.name).toBe(name)
  })

  it('tells capacity in bytes', () => {
    const reading = readPool(
      parseXml(
        `<pool type='dir'><name>a</name><capacity unit='bytes'>10</capacity><allocation unit='KiB'>2</allocation><available unit='bytes'>8</available></pool>`,
      ),
    )
    expect([reading.capacityBytes, reading.allocationBytes, reading.availableBytes]).toEqual([10, 2048, 8])
  })
})

describe('XML of networks', () => {
  it.each(networks)('says again what the spec said: %s', (name, spec) => {
    const { autostart: _, ...told } = spec
    const metadata = { owner: { lineage, address: `Network/${name}` } }
    const reading = readNetwork(written(buildNetwork({ name, spec, metadata })), spec)
    expect(reading.spec).toEqual(told)
    expect(reading.metadata).toEqual(metadata)
  })

  it('understands netmasks, which older definitions have', () => {
    const reading = readNetwork(
      parseXml(
        `<network><name>a</name><forward/><bridge name='virbr0' stp='on'/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>`,
      ),
    )
    expect(reading.spec).toEqual({ mode: 'nat', addresses: ['192.168.122.1/24'], stp: true })
    expect(reading.bridge).toBe('virbr0')
  })
})

describe('XML of volumes', () => {
  it.each(volumes.map(volume => [volume.name, volume] as const))(
    'says again what it was told: %s',
    (_, volume) => {
      const reading = readVolume(written(buildVolume(volume)))
      expect(reading).toMatchObject({
        name: volume.name,
        capacityBytes: volume.capacityBytes,
        allocationBytes: volume.allocationBytes ?? 0,
        format: volume.format === 'iso' ? 'raw' : volume.format,
        backingPath: volume.backing?.path,
      })
    },
  )
})

describe('XML of secrets', () => {
  it('names a Ceph user’s key the same whatever the order of the monitors', () => {
    const secret = cephSecret('libvirt', ['b:1', 'a:1'])
    expect(cephSecret('libvirt', ['a:1', 'b:1'])).toEqual(secret)
    expect(secret.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(readSecret(written(buildCephSecret(secret)))).toEqual({ uuid: secret.uuid, usage: secret.usage })
  })
})

describe('XML of snapshots', () => {
  it.each([
    [{ memory: false, storage: 'external', description: 'before' }, 'disks alone, in overlays'],
    [{ memory: true, storage: 'external' }, 'with memory, in files'],
    [{ memory: true, storage: 'internal' }, 'with memory, in the disks'],
  ])('says again what the spec said: %j', (spec, reason) => {
    const reading = readSnapshot(
      written(
        buildSnapshot({
          name: 's1',
          spec,
          disks: ['vda'],
          without: ['sda'],
          overlays: { vda: '/p/web.s1' },
          memoryPath: '/p/web.s1.memory',
        }),
      ),
    )
    expect(reading.spec, reason).toEqual(spec)
    expect(reading.overlays, reason).toEqual(spec.storage === 'external' ? { vda: '/p/web.s1' } : {})
  })
})
