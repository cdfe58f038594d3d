/** What is kept of an observation saves time and hides nothing: with it and without it the same is seen, whatever has changed. */
import { describe, expect, it } from 'vitest'
import type { Attributes } from '../../../src/model/value.js'
import type { Host } from '../../../src/providers/libvirt/connection.js'
import { KeptMachines, leastMachines } from '../../../src/providers/libvirt/kept-machines.js'
import { observeAll } from '../../../src/providers/libvirt/observe.js'
import { LibvirtError, libvirtCodes } from '../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../src/providers/libvirt/rpc/procedure.js'
import { buildDomain } from '../../../src/providers/libvirt/xml/domain-build.js'
import { serializeXml } from '../../../src/providers/libvirt/xml/serialize.js'
import type { Keeper, Target } from '../../../src/providers/provider.js'
import { canonical, inputOf, multiDisk } from './xml/machines.js'

const signal = new AbortController().signal
const names = Array.from({ length: leastMachines }, (_, index) => `m${index}`)
const spec: Attributes = {
  ...multiDisk,
  serialLog: false,
  networkInterfaces: [{ network: 'lab', dhcp: true }],
}
const uuidOf = (name: string) => `uuid-${name}`
const [definitions, specs] = [new Map<string, string>(), new Map<string, Attributes>()]
for (const name of names) {
  definitions.set(name, serializeXml(buildDomain(inputOf(spec, name))))
  specs.set(name, canonical(spec, name))
}

interface World {
  /** The stored definition of a machine, changed. */
  readonly stored?: (name: string, xml: string) => string
  readonly running?: (name: string, xml: string) => string
  readonly runs?: readonly string[]
  readonly paused?: readonly string[]
  readonly saved?: readonly string[]
  readonly autostart?: readonly string[]
  readonly gone?: readonly string[]
  readonly capacity?: (volume: string) => number
  /** Bytes that each volume takes. */
  readonly taken?: number
  readonly format?: (volume: string) => string
  readonly backing?: (volume: string) => string
  readonly poolIsActive?: boolean
  readonly recorded?: (name: string, spec: Attributes) => Attributes
  readonly addresses?: string
  readonly renamed?: string
}

interface Asked {
  readonly domain?: { readonly name: string; readonly uuid: string }
  readonly volume?: { readonly name: string }
  readonly flags?: number
  readonly path?: string
  readonly name?: string
  readonly uuid?: string
}

const filters: Readonly<Record<number, (world: World) => readonly string[]>> = {
  8: () => [],
  32: world => world.paused ?? [],
  256: world => world.saved ?? [],
  1024: world => world.autostart ?? [],
}

function hostOf(world: World, keeper: Keeper | undefined): Host {
  const calledNow = (name: string) => (world.renamed === name ? `${name}-new` : name)
  const domains = names.map(name => ({
    name: calledNow(name),
    uuid: uuidOf(name),
    id: world.runs?.includes(name) ? 7 : -1,
  }))
  const volumes = [
    ...names.flatMap(name => ['boot', 'data-vdb', 'data-vdc'].map(end => `${name}_${end}`)),
    'fedora-43.qcow2',
    'other',
  ].filter(name => !world.gone?.includes(name))
  const volumeOf = (name: string) => ({ pool: 'fast', name, key: `/vms/${name}` })
  const call = async ({ name }: Procedure<unknown, unknown>, asked: Asked = {}) => {
    const machine = asked.domain?.uuid.slice('uuid-'.length) ?? ''
    switch (name) {
      case 'connectListAllDomains': {
        const these = filters[asked.flags ?? 0]?.(world)
        return these ? domains.filter(one => these.some(other => uuidOf(other) === one.uuid)) : domains
      }
      case 'connectListAllStoragePools':
        return asked.flags === 0 || (world.poolIsActive ?? true) ? [{ name: 'fast', uuid: 'vms' }] : []
      case 'storagePoolLookupByName':
        return { name: 'fast', uuid: 'vms' }
      case 'storagePoolGetInfo':
        return { state: 2 }
      case 'storageVolLookupByName':
        return volumeOf(asked.name ?? '')
      case 'domainLookupByUUID':
        return domains.find(one => one.uuid === asked.uuid)
      case 'domainGetState':
        return { state: 5, reason: 0 }
      case 'domainHasManagedSaveImage':
      case 'domainGetAutostart':
        return false
      case 'domainIsPersistent':
        return true
      case 'storagePoolListAllVolumes':
        return volumes.map(volumeOf)
      case 'storageVolLookupByPath': {
        const found = volumes.find(one => `/vms/${one}` === asked.path)
        if (found !== undefined) return volumeOf(found)
        throw new LibvirtError(name, libvirtCodes.NO_STORAGE_VOL, 18, 'no such volume')
      }
      case 'domainGetXMLDesc': {
        const xml = definitions.get(machine) ?? ''
        const isRunning = asked.flags === 0
        const change = isRunning ? world.running : world.stored
        return change?.(machine, xml) ?? xml
      }
      case 'networkLookupByName':
        return { name: 'lab', uuid: 'lab' }
      case 'networkGetDHCPLeases':
        return []
      case 'domainInterfaceAddresses':
        return world.addresses === undefined
          ? []
          : [{ name: 'eth0', mac: undefined, addresses: [{ type: 0, address: world.addresses, prefix: 24 }] }]
      case 'storageVolGetXMLDesc': {
        const volume = asked.volume?.name ?? ''
        if (!volumes.includes(volume))
          throw new LibvirtError(name, libvirtCodes.NO_STORAGE_VOL, 18, 'no such volume')
        const isBoot = volume.endsWith('_boot')
        const below = isBoot ? (world.backing?.(volume) ?? '/vms/fedora-43.qcow2') : undefined
        return `<volume><name>${volume}</name><capacity unit='bytes'>${world.capacity?.(volume) ?? 2 ** 30}</capacity><allocation unit='bytes'>${world.taken ?? 4096}</allocation><target><path>/vms/${volume}</path><format type='${world.format?.(volume) ?? 'qcow2'}'/></target>${below === undefined ? '' : `<backingStore><path>${below}</path><format type='qcow2'/></backingStore>`}</volume>`
      }
      default:
        throw new Error(`nobody should call ${name}`)
    }
  }
  return { client: { call }, machines: new KeptMachines(keeper) } as unknown as Host
}

const targetsOf = (world: World): Target[] =>
  names.map(name => {
    const recorded = specs.get(name) ?? {}
    return {
      address: `VirtualMachine/${name}`,
      kind: 'VirtualMachine',
      name,
      spec: world.recorded?.(name, recorded) ?? recorded,
      identity: { uuid: uuidOf(name) },
    }
  })

const observe = async (world: World, keeper?: Keeper) => [
  ...(await observeAll(hostOf(world, keeper), targetsOf(world), signal)),
]

/** A keeper in memory, with how often it was written to. */
function memory() {
  const entries = new Map<string, string>()
  const writes: string[] = []
  const keeper: Keeper = {
    get: async name => entries.get(name),
    put: async (name, payload) => {
      writes.push(name)
      entries.set(name, payload)
    },
  }
  return { keeper, entries, writes }
}

const of = (wanted: string, change: (text: string) => string) => (name: string, text: string) =>
  name === wanted ? change(text) : text
const replaced = (from: string, to: string) => (text: string) => {
  if (!text.includes(from)) throw new Error(`there is no ${from}`)
  return text.replace(from, to)
}

const mark = (is: string) => `<p:resource xmlns:p="https://infra.dev/xmlns/progress/v1" is="${is}"/>`

const stopped: World = {}
const running: World = { runs: ['m1', 'm2'], addresses: '10.1.2.3' }
const changes: readonly { readonly reason: string; readonly from: World; readonly to: World }[] = [
  { reason: 'nothing, of stopped machines', from: stopped, to: stopped },
  { reason: 'nothing, of running machines', from: running, to: running },
  {
    reason: 'a stored definition has fewer processors',
    from: stopped,
    to: { stored: of('m3', replaced('>8</vcpu>', '>6</vcpu>')) },
  },
  {
    reason: 'only the running definition differs',
    from: running,
    to: { ...running, running: of('m1', replaced('>8</vcpu>', '>6</vcpu>')) },
  },
  { reason: 'it was started', from: stopped, to: { runs: ['m4'] } },
  { reason: 'it was stopped', from: running, to: { runs: ['m2'], addresses: '10.1.2.3' } },
  { reason: 'it was paused', from: running, to: { ...running, paused: ['m1'] } },
  { reason: 'its memory was saved', from: stopped, to: { saved: ['m5'] } },
  { reason: 'it starts with the host', from: stopped, to: { autostart: ['m6'] } },
  { reason: 'it was renamed', from: stopped, to: { renamed: 'm7' } },
  { reason: 'a running guest has another address', from: running, to: { ...running, addresses: '10.9.9.9' } },
  {
    reason: 'a disk grew',
    from: stopped,
    to: { capacity: name => (name === 'm8_boot' ? 2 ** 31 : 2 ** 30) },
  },
  {
    reason: 'a disk is of another format',
    from: stopped,
    to: { format: name => (name === 'm8_data-vdb' ? 'raw' : 'qcow2') },
  },
  { reason: 'a disk is gone', from: stopped, to: { gone: ['m9_data-vdc'] } },
  { reason: 'a disk is back', from: { gone: ['m9_data-vdc'] }, to: stopped },
  {
    reason: 'a disk is based on another image',
    from: stopped,
    to: { backing: name => (name === 'm10_boot' ? '/vms/other' : '/vms/fedora-43.qcow2') },
  },
  { reason: 'the image below is gone', from: stopped, to: { gone: ['fedora-43.qcow2'] } },
  { reason: 'the image below is back', from: { gone: ['fedora-43.qcow2'] }, to: stopped },
  { reason: 'the pool is not active any more', from: stopped, to: { poolIsActive: false } },
  { reason: 'the pool is active again', from: { poolIsActive: false }, to: stopped },
  {
    reason: 'another spec is recorded',
    from: stopped,
    to: { recorded: (name, known) => (name === 'm11' ? { ...known, title: 'new' } : known) },
  },
  {
    reason: 'a delete was cut off',
    from: stopped,
    to: { stored: of('m12', replaced('</metadata>', `${mark('deleting')}</metadata>`)) },
  },
  {
    reason: 'a change was cut off',
    from: stopped,
    to: {
      stored: of('m12', xml =>
        replaced('>8</vcpu>', '>6</vcpu>')(replaced('</metadata>', `${mark('changing')}</metadata>`)(xml)),
      ),
    },
  },
]

describe('what is kept of machines', () => {
  it.each(changes)('is passed over where it does not fit: $reason', async ({ from, to }) => {
    const { keeper } = memory()
    await observe(from, keeper)
    expect(await observe(to, keeper)).toStrictEqual(await observe(to))
    // and what the change left is kept as rightly
    expect(await observe(to, keeper)).toStrictEqual(await observe(to))
    expect(await observe(from, keeper)).toStrictEqual(await observe(from))
  })

  it('is proved by changes that can be seen', async () => {
    for (const { reason, from, to } of changes.slice(2))
      expect(JSON.stringify(await observe(to)), reason).not.toBe(JSON.stringify(await observe(from)))
  })

  it('is used, and written only when something is new', async () => {
    const { keeper, entries, writes } = memory()
    await observe(running, keeper)
    await observe(running, keeper)
    await observe({ ...running, taken: 8192 }, keeper)
    expect(writes).toEqual(['machines'])
    for (const [name, payload] of entries) entries.set(name, payload.replaceAll('"vcpus":8', '"vcpus":9'))
    const found = new Map(await observe(running, keeper))
    expect(found.get('VirtualMachine/m1')).toMatchObject({ spec: { vcpus: 9 } })
    expect(found.get('VirtualMachine/m40')).toMatchObject({ spec: { vcpus: 9 } })
  })

  it('is passed over where it cannot be read', async () => {
    const { keeper, entries } = memory()
    await observe(stopped, keeper)
    for (const name of entries.keys()) entries.set(name, '{"not": "what it was"')
    expect(await observe(stopped, keeper)).toStrictEqual(await observe(stopped))
  })

  it('is there for the next plan when each was read back by itself', async () => {
    const { keeper, entries, writes } = memory()
    const host = hostOf(stopped, keeper)
    for (const target of targetsOf(stopped)) await observeAll(host, [target], signal)
    expect(writes).toEqual([])
    await host.machines.keepAdded()
    expect(writes).toEqual(['machines'])
    expect(await observe(stopped, keeper)).toStrictEqual(await observe(stopped))
    expect(writes).toEqual(['machines'])
    for (const [name, payload] of entries) entries.set(name, payload.replaceAll('"vcpus":8', '"vcpus":9'))
    expect(new Map(await observe(stopped, keeper)).get('VirtualMachine/m40')).toMatchObject({
      spec: { vcpus: 9 },
    })
  })

  it('is nothing for a few machines', async () => {
    const { keeper, writes } = memory()
    await observeAll(hostOf(stopped, keeper), targetsOf(stopped).slice(1), signal)
    expect(writes).toEqual([])
  })
})
