/** Memory that somebody took from a running guest is drift; what its guest has not given back yet waits for a restart. */
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { untilGiven } from '../../../src/providers/libvirt/guest-memory.js'
import { KeptMachines } from '../../../src/providers/libvirt/kept-machines.js'
import { observeAll } from '../../../src/providers/libvirt/observe.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import { buildDomain } from '../../../src/providers/libvirt/xml/domain-build.js'
import { serializeXml } from '../../../src/providers/libvirt/xml/serialize.js'
import { canonical, inputOf } from './xml/machines.js'

const signal = new AbortController().signal
const domain = { name: 'm0', uuid: 'm0', id: 7 }
const machine: Attributes = {
  vcpus: 1,
  memoryGiB: 1,
  maxMemoryGiB: 2,
  firmware: 'bios',
  storagePool: 'vms',
  bootDisk: { sizeGB: 1, empty: true },
  networkInterfaces: [{ network: 'lab', dhcp: true }],
}

interface Running {
  /** GiB that its running definition tells, its maximum, and what QEMU says that the guest has, each time it is asked. */
  readonly told: number
  readonly most?: number
  readonly has: readonly number[]
  readonly paused?: boolean
}

function hostOf({ told, most = 2, has, paused = false }: Running): Host {
  const left = [...has]
  const xmlOf = (spec: Attributes) => serializeXml(buildDomain(inputOf(spec, 'm0')))
  const call = async ({ name }: Procedure<unknown, unknown>, { flags }: { readonly flags?: number } = {}) => {
    switch (name) {
      case 'domainLookupByName':
        return domain
      case 'domainGetState':
        return { state: paused ? 3 : 1, reason: 0 }
      case 'domainIsPersistent':
        return true
      case 'domainHasManagedSaveImage':
      case 'domainGetAutostart':
        return false
      case 'domainGetXMLDesc':
        return xmlOf(flags === 0 ? { ...machine, memoryGiB: told, maxMemoryGiB: most } : machine)
      case 'domainMemoryStats': {
        const now = left.length > 1 ? left.shift() : left[0]
        return [
          { tag: 5, value: 1 },
          { tag: 6, value: (now ?? 0) * 2 ** 20 },
        ]
      }
      case 'storageVolGetXMLDesc':
        return "<volume><name>m0_boot</name><capacity unit='bytes'>1073741824</capacity><target><path>/vms/m0_boot</path><format type='qcow2'/></target></volume>"
      case 'networkLookupByName':
        return { name: 'lab', uuid: 'lab' }
      case 'networkGetDHCPLeases':
      case 'domainInterfaceAddresses':
        return []
      default:
        throw new Error(`nobody should call ${name}`)
    }
  }
  return { client: { call }, machines: new KeptMachines(undefined) } as unknown as Host
}

const rows: readonly (Running & {
  readonly reason: string
  readonly memoryGiB: number
  readonly pending?: readonly string[]
})[] = [
  { reason: 'it has what is declared', told: 1, has: [1], memoryGiB: 1 },
  { reason: 'somebody took some of it away', told: 0.5, has: [0.5], memoryGiB: 0.5 },
  {
    reason: 'its guest has not given back what it has beyond that',
    told: 1.5,
    has: [1.5],
    memoryGiB: 1,
    pending: ['memoryGiB'],
  },
  {
    reason: 'its guest has no driver for the balloon, and all that there is',
    told: 0.5,
    has: [2],
    memoryGiB: 1,
    pending: ['memoryGiB'],
  },
  {
    reason: 'its maximum was raised, and counts from its next start on',
    told: 0.5,
    most: 0.5,
    has: [0.5],
    memoryGiB: 1,
    pending: ['maxMemoryGiB', 'memoryGiB'],
  },
  { reason: 'it is paused, and can take nothing', told: 0.5, has: [0.5], paused: true, memoryGiB: 1 },
]

describe('the memory of a running machine', () => {
  it.each(rows)('is told as it is: $reason', async ({ memoryGiB, pending, ...running }) => {
    const target = {
      address: 'VirtualMachine/m0',
      kind: 'VirtualMachine',
      name: 'm0',
      spec: canonical(machine, 'm0'),
    }
    const seen = (await observeAll(hostOf(running), [target], signal)).get('VirtualMachine/m0')
    if (seen?.status !== 'present') throw new Error(JSON.stringify(seen))
    expect(seen.spec.memoryGiB).toBe(memoryGiB)
    expect(seen.pending).toEqual(pending)
  })

  it('is waited for when it is given more', async () => {
    const host = hostOf({ told: 1, has: [0.5, 0.75, 1, 0] })
    await untilGiven(host, domain, 2 ** 20, signal)
    expect(await host.client.call({ name: 'domainMemoryStats' } as Procedure<unknown, unknown>, {})).toEqual([
      { tag: 5, value: 1 },
      { tag: 6, value: 0 },
    ])
  })
})
