/** Many machines are looked at by as few calls as there are things, none twice, and each machine is done with in one go. */
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { KeptMachines } from '../../../src/providers/libvirt/kept-machines.js'
import { volume as volumeKind } from '../../../src/providers/libvirt/kinds/volume.js'
import { observeAll } from '../../../src/providers/libvirt/observe.js'
import { LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import { buildDomain } from '../../../src/providers/libvirt/xml/domain-build.js'
import { serializeXml } from '../../../src/providers/libvirt/xml/serialize.js'
import type { Target } from '../../../src/providers/provider.js'
import { canonical, inputOf } from './xml/machines.js'

const signal = new AbortController().signal
const names = Array.from({ length: 20 }, (_, index) => `m${index}`)
const spec: Attributes = {
  vcpus: 1,
  memoryGiB: 1,
  firmware: 'bios',
  storagePool: 'vms',
  powerState: 'stopped',
  bootDisk: { sizeGB: 1, empty: true },
  dataDisks: [{ device: 'vdb', sizeGB: 1 }],
  networkInterfaces: [{ network: 'lab', dhcp: true }],
}
const machine = (name: string): Target => ({
  address: `VirtualMachine/${name}`,
  kind: 'VirtualMachine',
  name,
  spec: canonical(spec, name),
})
const ownVolumes = names.flatMap(name => [`${name}_boot`, `${name}_data-vdb`])

interface Asked {
  readonly domain?: { readonly name: string }
  readonly volume?: { readonly name: string }
  readonly flags?: number
}

/** Filters of libvirt's list of machines: those that are paused, and whose memory is saved. */
const [pausedOnes, savedOnes] = [32, 256]

/** A host with these machines, stopped but for those that are paused, and their volumes. Tells its calls: `storageVolGetXMLDesc m0_boot`. */
function host(
  active: boolean,
  lost: readonly string[] = [],
  by: { readonly paused?: string; readonly saved?: string } = {},
) {
  const calls: string[] = []
  const call = async ({ name }: Procedure<unknown, unknown>, { domain, volume, flags }: Asked = {}) => {
    calls.push([name, domain?.name ?? volume?.name ?? flags].join(' '))
    switch (name) {
      case 'connectListAllDomains':
        return names
          .map(one => ({ name: one, uuid: one, id: one === by.paused ? 7 : -1 }))
          .filter(
            one =>
              flags === 0 ||
              (flags === pausedOnes && one.name === by.paused) ||
              (flags === savedOnes && one.name === by.saved),
          )
      case 'connectListAllStoragePools':
        return flags === 0 || active ? [{ name: 'vms', uuid: 'vms' }] : []
      case 'storagePoolListAllVolumes':
        return ownVolumes.map(one => ({ pool: 'vms', name: one, key: `/vms/${one}` }))
      case 'domainGetXMLDesc':
        return serializeXml(buildDomain(inputOf(spec, domain?.name)))
      case 'storageVolGetXMLDesc':
        if (!lost.includes(volume?.name ?? ''))
          return `<volume><name>x</name><capacity unit='bytes'>1073741824</capacity><target><path>/vms/${volume?.name}</path><format type='qcow2'/></target></volume>`
        throw new LibvirtError(name, libvirtCodes.NO_STORAGE_VOL, 18, 'no such volume')
      case 'networkLookupByName':
        return { name: 'lab', uuid: 'lab' }
      case 'networkGetDHCPLeases':
      case 'domainInterfaceAddresses':
        return []
      default:
        throw new Error(`nobody should call ${name}`)
    }
  }
  return { calls, host: { client: { call }, machines: new KeptMachines(undefined) } as unknown as Host }
}

describe('looking at many machines', () => {
  it('asks for each thing once, and for a machine right after its volumes', async () => {
    const { calls, host: there } = host(true)
    const found = await observeAll(there, names.map(machine), signal)
    expect([...found.values()].filter(one => one.status !== 'present')).toEqual([])
    const detailed = calls.filter(call => call.includes('GetXMLDesc'))
    expect(detailed).toEqual(
      names.flatMap(name => [
        `storageVolGetXMLDesc ${name}_boot`,
        `storageVolGetXMLDesc ${name}_data-vdb`,
        `domainGetXMLDesc ${name}`,
      ]),
    )
    // domains: all, transient, paused, saved, autostart; pools: all, active; the volumes of one
    expect(calls.length - detailed.length).toBe(5 + 2 + 1)
  })

  it('reads no machine twice to tell who uses a volume', async () => {
    const { calls, host: there } = host(true)
    const volumes = ownVolumes.map(name => ({
      address: `Volume/${name}`,
      kind: 'Volume',
      name,
      spec: volumeKind.canonical({ pool: 'vms', size: '1GiB' }, { name, labels: {}, annotations: {} }),
    }))
    const found = await observeAll(there, [...names.map(machine), ...volumes], signal)
    expect(found.get('Volume/m3_boot')).toMatchObject({ facts: { usedBy: ['VirtualMachine/m3'] } })
    const detailed = calls.filter(call => call.includes('GetXMLDesc'))
    expect(detailed.length).toBe(names.length + ownVolumes.length)
    expect(new Set(detailed).size).toBe(detailed.length)
  })

  it('tells of a volume that is gone, and of no other', async () => {
    const { host: there } = host(true, ['m4_data-vdb'])
    const found = await observeAll(there, names.map(machine), signal)
    const remarks = [...found].flatMap(([address, one]) =>
      one.status === 'present' && one.remark !== undefined ? [`${address}: ${one.remark}`] : [],
    )
    expect(remarks).toEqual(['VirtualMachine/m4: the volume of its disk vdb is gone'])
  })

  it('tells what somebody paused or saved by hand, and of the saved one no power state that a plan could change', async () => {
    const { host: there } = host(true, [], { paused: 'm1', saved: 'm2' })
    const found = await observeAll(there, names.map(machine), signal)
    const told = (name: string) => {
      const seen = found.get(`VirtualMachine/${name}`)
      return seen?.status === 'present' && [seen.facts.state, seen.spec.powerState, seen.remark]
    }
    expect(told('m0')).toEqual(['shut off', 'stopped', undefined])
    expect(told('m1')).toEqual(['paused', 'running', expect.stringContaining('paused by hand')])
    expect(told('m2')).toEqual(['saved', undefined, expect.stringContaining('saved by hand')])
  })

  it('tells of a pool that is not active, and takes no disk for gone', async () => {
    const { calls, host: there } = host(false)
    const found = await observeAll(there, names.map(machine), signal)
    expect(found.get('VirtualMachine/m0')).toMatchObject({
      status: 'present',
      remark: expect.stringMatching(/^the pool vms is not active: [^;]*$/),
      spec: { dataDisks: [{ device: 'vdb' }] },
    })
    expect(calls.some(call => call.startsWith('storage'))).toBe(false)
  })
})
