import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../../src/model/value.js'
import { classify } from '../../../../src/planner/classify.js'
import { differences } from '../../../../src/planner/diff.js'
import type { Kind } from '../../../../src/providers/kind.js'
import { libvirtKinds } from '../../../../src/providers/libvirt/kinds/index.js'
import { virtualMachine } from '../../../../src/providers/libvirt/kinds/virtual-machine/index.js'
import { multiDisk, simple } from '../xml/machines.js'

const meta = { name: 'web', labels: {}, annotations: {} }

/** How each change between two documents is met: `path: how (hazards)`. */
function met(kind: Kind, from: Attributes, to: Attributes): string[] {
  return differences(kind.canonical(from, meta), kind.canonical(to, meta), kind.keyedLists).map(change => {
    const { how, hazards = [] } = classify(kind, change)
    return `${change.path}: ${how}${hazards.length > 0 ? ` (${hazards.join(', ')})` : ''}`
  })
}

const nic = (simple.networkInterfaces as readonly Attributes[])[0] ?? {}
const disks = (...dataDisks: Attributes[]): Attributes => ({ dataDisks })
const nics = (...networkInterfaces: Attributes[]): Attributes => ({ networkInterfaces })

describe('a change of a machine', () => {
  it.each<[Attributes, Attributes, string[], string]>([
    [{ vcpus: 2, maxVcpus: 8 }, { vcpus: 4, maxVcpus: 8 }, ['vcpus: live'], 'more CPUs, below the maximum'],
    [
      { vcpus: 2 },
      { vcpus: 4 },
      ['maxVcpus: restart (restarts-vm)', 'vcpus: live'],
      'more CPUs than the maximum',
    ],
    [{ vcpus: 4, maxVcpus: 8 }, { vcpus: 2, maxVcpus: 8 }, ['vcpus: restart (restarts-vm)'], 'fewer CPUs'],
    [
      { memoryGiB: 2, maxMemoryGiB: 8 },
      { memoryGiB: 4, maxMemoryGiB: 8 },
      ['memoryGiB: live'],
      'memory within the maximum',
    ],
    [
      { memoryGiB: 2 },
      { memoryGiB: 4 },
      ['maxMemoryGiB: restart (restarts-vm)', 'memoryGiB: live'],
      'memory beyond the maximum',
    ],
    [
      { bootDisk: { sizeGB: 1, image: 'a' } },
      { bootDisk: { sizeGB: 2, image: 'a' } },
      ['bootDisk.sizeGB: live'],
      'a boot disk grows',
    ],
    [
      { bootDisk: { sizeGB: 2, image: 'a' } },
      { bootDisk: { sizeGB: 1, image: 'a' } },
      ['bootDisk.sizeGB: refuse'],
      'a boot disk never shrinks',
    ],
    [
      { bootDisk: { sizeGB: 2, image: 'a' } },
      { bootDisk: { sizeGB: 2, image: 'b' } },
      ['bootDisk.image: replace (stops-vm, deletes-data)'],
      'another image',
    ],
    [
      disks({ device: 'vdb', sizeGB: 1 }),
      disks({ device: 'vdb', sizeGB: 2 }),
      ['dataDisks[vdb].sizeGB: live'],
      'a data disk grows',
    ],
    [
      disks({ device: 'vdb', sizeGB: 2 }),
      disks({ device: 'vdb', sizeGB: 1 }),
      ['dataDisks[vdb].sizeGB: refuse'],
      'a data disk never shrinks',
    ],
    [{}, disks({ device: 'vdb', sizeGB: 2 }), ['dataDisks[vdb]: live'], 'a disk is plugged in'],
    [
      disks({ device: 'vdb', sizeGB: 2 }),
      {},
      ['dataDisks[vdb]: live (detaches-disk, deletes-data)'],
      'a disk of its own goes, with its data',
    ],
    [
      disks({ device: 'vdb', volume: 'x' }),
      {},
      ['dataDisks[vdb]: live (detaches-disk)'],
      'a volume is unplugged and stays',
    ],
    [
      disks({ device: 'vdb', volume: 'x' }),
      disks({ device: 'vdb', volume: 'y' }),
      ['dataDisks[vdb].volume: live (detaches-disk)'],
      'another volume',
    ],
    [
      disks({ device: 'vdb', sizeGB: 1 }),
      disks({ device: 'vdb', volume: 'y' }),
      [
        'dataDisks[vdb].format: live',
        'dataDisks[vdb].sizeGB: live (detaches-disk, deletes-data)',
        'dataDisks[vdb].volume: live (detaches-disk)',
      ],
      'a volume instead of its own',
    ],
    [
      disks({ device: 'vdb', sizeGB: 1 }),
      disks({ device: 'vdb', sizeGB: 1, format: 'raw' }),
      ['dataDisks[vdb].format: refuse'],
      'another format',
    ],
    [
      disks({ device: 'vdb', sizeGB: 1 }),
      disks({ device: 'vdb', sizeGB: 1, limits: { totalIops: 1 } }),
      ['dataDisks[vdb].limits: live'],
      'a limit',
    ],
    [
      disks({ device: 'vdb', sizeGB: 1 }),
      disks({ device: 'vdb', sizeGB: 1, serial: 'a' }),
      ['dataDisks[vdb].serial: restart (restarts-vm)'],
      'a serial number',
    ],
    [
      {},
      nics({ ...nic, bridge: 'br1' }),
      ['networkInterfaces[eth0].bridge: live (interrupts-service)'],
      'another bridge',
    ],
    [
      {},
      nics({ ...nic, link: 'down' }),
      ['networkInterfaces[eth0].link: live (interrupts-service)'],
      'the cable out',
    ],
    [{}, nics({ ...nic, filter: 'clean-traffic' }), ['networkInterfaces[eth0].filter: live'], 'a filter'],
    [
      {},
      nics({ ...nic, ip: '10.250.250.11/24' }),
      [
        'networkInterfaces[eth0].ip: restart (restarts-vm)',
        'networkInterfaces[eth0].mac: restart (restarts-vm)',
        'networkInterfaces[eth0].tap: restart (restarts-vm)',
      ],
      'another address',
    ],
    [
      {},
      nics(nic, { dhcp: true, network: 'lab' }),
      ['networkInterfaces[eth1]: live'],
      'an interface is plugged in',
    ],
    [
      nics(nic, { dhcp: true, network: 'lab' }),
      {},
      ['networkInterfaces[eth1]: live (detaches-interface)'],
      'an interface goes',
    ],
    [
      {},
      { cloudInit: { fqdn: 'db.example.org' } },
      [
        'cloudInit.fqdn: restart (restarts-vm)',
        'cloudInit.passwordHash: restart (restarts-vm)',
        'cloudInit.sshAuthorizedKeys: restart (restarts-vm)',
      ],
      'another seed',
    ],
    [{}, { autostart: false }, ['autostart: live'], 'autostart'],
    [{}, { title: 'x', description: 'y' }, ['description: live', 'title: live'], 'words'],
    [{}, { powerState: 'stopped' }, ['powerState: live (stops-vm)'], 'to be stopped'],
    [{ powerState: 'stopped' }, {}, ['powerState: live'], 'to be started'],
    [{}, { firmware: 'bios' }, ['firmware: restart (restarts-vm)'], 'firmware'],
    [{ tpm: true }, {}, ['tpm: restart (restarts-vm, deletes-data)'], 'a TPM goes, with its keys'],
    [{}, { tpm: true }, ['tpm: restart (restarts-vm)'], 'a TPM'],
    [{ installIso: 'a.iso' }, { installIso: 'b.iso' }, ['installIso: live'], 'another medium'],
    [{}, { installIso: 'b.iso' }, ['installIso: restart (restarts-vm)'], 'a drive'],
    [{}, { storagePool: 'fast' }, ['storagePool: replace (stops-vm, deletes-data)'], 'another pool'],
    [
      { imagePool: 'a', bootDisk: { sizeGB: 1, image: 'p:x' } },
      { imagePool: 'b', bootDisk: { sizeGB: 1, image: 'p:x' } },
      [],
      'where an image that says its pool is looked up',
    ],
    [
      multiDisk,
      { ...multiDisk, dataDisks: [...(multiDisk.dataDisks as readonly Attributes[])].reverse() },
      [],
      'the order of disks',
    ],
  ])('%j to %j', (from, to, expected, reason) => {
    expect(met(virtualMachine, { ...simple, ...from }, { ...simple, ...to }), reason).toEqual(expected)
  })
})

describe('a change of another kind', () => {
  const kind = (name: string): Kind => libvirtKinds.find(one => one.kind === name) ?? virtualMachine
  const sum = (digit: string) => `sha256:${digit.repeat(64)}`

  it.each<[string, Attributes, Attributes, string[], string]>([
    ['Volume', { size: '1GiB' }, { size: '2GiB' }, ['size: live'], 'grows'],
    ['Volume', { size: '2GiB' }, { size: '1GiB' }, ['size: refuse'], 'never shrinks'],
    ['Volume', { size: '1GiB' }, { size: 2 ** 30 }, [], 'the same size in other words'],
    [
      'Volume',
      { size: '1GiB' },
      { size: '1GiB', format: 'raw' },
      ['format: replace (deletes-data)'],
      'another format',
    ],
    [
      'Image',
      { source: { url: 'https://a/x.qcow2' }, checksum: sum('a') },
      { source: { url: 'https://b/x.qcow2' }, checksum: sum('a') },
      ['source.url: live'],
      'the same bytes from elsewhere',
    ],
    [
      'Image',
      { source: { url: 'https://a/x.qcow2' }, checksum: sum('a') },
      { source: { url: 'https://a/x.qcow2' }, checksum: sum('b') },
      ['checksum: live', 'content: replace (deletes-data)'],
      'other bytes',
    ],
    [
      'Image',
      { source: { url: 'https://a/x.qcow2' }, checksum: 'none' },
      { source: { url: 'https://b/x.qcow2' }, checksum: 'none' },
      ['content: replace (deletes-data)', 'source.url: live'],
      'unknown bytes from elsewhere',
    ],
    [
      'Network',
      { addresses: ['10.0.0.1/24'], dhcp: {} },
      { addresses: ['10.0.0.1/24'], dhcp: { hosts: [{ ip: '10.0.0.5', mac: 'be:ef:00:00:00:01' }] } },
      ['dhcp.hosts[10.0.0.5]: live'],
      'a DHCP host',
    ],
    [
      'Network',
      { mode: 'nat' },
      { mode: 'isolated' },
      ['mode: restart (interrupts-service)'],
      'another mode',
    ],
    ['StoragePool', { path: '/a' }, { path: '/a/' }, [], 'the same path'],
    ['StoragePool', { path: '/a' }, { path: '/b' }, ['path: replace'], 'another place'],
    [
      'Snapshot',
      { virtualMachine: 'web' },
      { virtualMachine: 'web', description: 'x' },
      ['description: live'],
      'a description',
    ],
    [
      'Snapshot',
      { virtualMachine: 'web' },
      { virtualMachine: 'db' },
      ['virtualMachine: replace (deletes-data)'],
      'another machine',
    ],
  ])('%s: %j to %j', (name, from, to, expected, reason) => {
    expect(met(kind(name), from, to), reason).toEqual(expected)
  })

  it('is refused with a reason and a way out', () => {
    for (const one of libvirtKinds) {
      for (const rule of one.changes.filter(({ how }) => how === 'refuse')) {
        expect(rule.why, `${one.kind} ${rule.path}`).toBeTruthy()
        expect(rule.hint, `${one.kind} ${rule.path}`).toBeTruthy()
      }
    }
  })
})
