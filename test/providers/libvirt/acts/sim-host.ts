/**
 * A host in memory that acts work on: machines that are defined, run and change as libvirt's do, and volumes of one pool. It can
 * be cut off before or after any of its changes, as by kill -9 of infra: from then on every call fails.
 */
import type { Attributes } from '../../../../src/model/value.js'
import type { NamedHost } from '../../../../src/providers/libvirt/acts/open.js'
import type { Host } from '../../../../src/providers/libvirt/connection.js'
import { type LibvirtCode, LibvirtError, libvirtCodes } from '../../../../src/providers/libvirt/rpc/errors.js'
import type { Procedure } from '../../../../src/providers/libvirt/rpc/procedure.js'
import { Usage } from '../../../../src/providers/libvirt/usage.js'
import { buildDomain } from '../../../../src/providers/libvirt/xml/domain-build.js'
import { serializeXml } from '../../../../src/providers/libvirt/xml/serialize.js'
import { inputOf } from '../xml/machines.js'

export interface SimMachine {
  readonly name: string
  readonly uuid: string
  /** What is stored of it, and what it runs as. */
  stored: string
  live: string | undefined
  /** libvirt's number of it while it runs, else -1. */
  id: number
  paused: boolean
  saved: boolean
}

/** The change at which it is cut off, counted from 1: before libvirt hears of it, or once it is done. */
export interface Cut {
  readonly at: number
  readonly when: 'before' | 'after'
}

export interface SimHost {
  readonly named: NamedHost
  readonly machines: Map<string, SimMachine>
  /** Bytes by the name of the volume, all in the pool vms. */
  readonly volumes: Map<string, number>
  /** Paths of what volumes are based on, by their names. */
  readonly bases: Map<string, string>
  /** Changes that libvirt was asked for, in their order. */
  readonly changes: string[]
  /** Adds a machine that is off. */
  add(name: string, uuid: string, spec?: Attributes): SimMachine
  /** Changes are counted anew from now on. */
  arm(cut: Cut | undefined): void
  /** The next call of this name is refused. */
  refuse(name: string, code: LibvirtCode): void
}

/** What whoever is cut off gets. */
export class CutOff extends Error {}

export const spec: Attributes = {
  vcpus: 2,
  memoryGiB: 1,
  virtualization: 'qemu',
  firmware: 'bios',
  storagePool: 'vms',
  bootDisk: { sizeGB: 1, empty: true },
  dataDisks: [{ device: 'vdb', sizeGB: 1 }],
  networkInterfaces: [],
}

interface Asked {
  readonly domain?: { readonly uuid: string }
  readonly pool?: { readonly name: string }
  readonly volume?: { readonly name: string }
  readonly uuid?: string
  readonly name?: string
  readonly flags?: number
  readonly xml?: string
  readonly vcpus?: number
  readonly memory?: number
  readonly capacity?: number
  readonly size?: number
  readonly disk?: string
  readonly path?: string
}

const [live, config, maximum] = [1, 2, 4]

export function simHost(name = 'near'): SimHost {
  const machines = new Map<string, SimMachine>()
  const volumes = new Map<string, number>()
  const bases = new Map<string, string>()
  const changes: string[] = []
  const refusals = new Map<string, LibvirtCode>()
  let starts = 0
  let cut: Cut | undefined
  let count = 0
  let dead = false

  const refused = (call: string, code: LibvirtCode) => new LibvirtError(call, libvirtCodes[code], 10, 'no')
  const machineOf = (call: string, { domain, uuid }: Asked) => {
    const found = machines.get(domain?.uuid ?? uuid ?? '')
    if (found === undefined) throw refused(call, 'NO_DOMAIN')
    return found
  }
  const domain = ({ name, uuid, id }: SimMachine) => ({ name, uuid, id })
  const volume = (one: string) => ({ pool: 'vms', name: one, key: `/vms/${one}` })
  const off = (one: SimMachine) => Object.assign(one, { live: undefined, id: -1, paused: false })
  const must = (call: string, so: boolean) => {
    if (!so) throw refused(call, 'OPERATION_INVALID')
  }
  const replaced = (xml: string, pattern: RegExp, by: string) => {
    if (!pattern.test(xml)) throw new Error(`${pattern} is not in ${xml}`)
    return xml.replace(pattern, by)
  }
  /** On what is stored, or on what runs, as the flags say. */
  const edit = (call: string, one: SimMachine, flags: number, change: (xml: string) => string) => {
    if (flags & config) one.stored = change(one.stored)
    if (flags & live) {
      must(call, one.live !== undefined)
      one.live = change(one.live ?? '')
    }
  }

  const calls: Readonly<Record<string, (args: Asked, call: string) => unknown>> = {
    connectListAllDomains: ({ flags = 0 }) =>
      [...machines.values()]
        .filter(one => {
          if (flags === 1) return one.id >= 0
          if (flags === 32) return one.paused
          if (flags === 256) return one.saved
          return flags === 0
        })
        .map(domain),
    connectListAllStoragePools: () => [{ name: 'vms', uuid: 'vms' }],
    storagePoolGetInfo: () => ({ state: 2 }),
    storagePoolListAllVolumes: () => [...volumes.keys()].map(volume),
    domainLookupByUUID: (args, call) => domain(machineOf(call, args)),
    domainGetXMLDesc: (args, call) => {
      const one = machineOf(call, args)
      return (args.flags ?? 0) & 2 ? one.stored : (one.live ?? one.stored)
    },
    domainGetState: (args, call) => {
      const one = machineOf(call, args)
      return { state: one.paused ? 3 : one.id >= 0 ? 1 : 5, reason: 0 }
    },
    domainIsActive: (args, call) => machineOf(call, args).id >= 0,
    domainInterfaceAddresses: () => [],
    domainGetJobStats: () => ({ type: 0, parameters: [] }),
    domainListAllSnapshots: () => [],
    domainCreateWithFlags: (args, call) => {
      const one = machineOf(call, args)
      must(call, one.id < 0)
      starts += 1
      Object.assign(one, { id: starts, live: one.stored, saved: false, paused: false })
    },
    domainShutdownFlags: (args, call) => void off(machineOf(call, args)),
    domainDestroyFlags: (args, call) => {
      const one = machineOf(call, args)
      must(call, one.id >= 0)
      off(one)
    },
    domainReset: (args, call) => must(call, machineOf(call, args).id >= 0),
    domainSuspend: (args, call) => {
      const one = machineOf(call, args)
      must(call, one.id >= 0)
      one.paused = true
    },
    domainResume: (args, call) => {
      const one = machineOf(call, args)
      must(call, one.paused)
      one.paused = false
    },
    domainManagedSave: (args, call) => {
      const one = machineOf(call, args)
      must(call, one.id >= 0)
      off(one).saved = true
    },
    domainSetVcpusFlags: (args, call) => {
      const { flags = 0, vcpus = 0 } = args
      const pattern = /<vcpu(?: current=['"]\d+['"])?([^>]*)>(\d+)<\/vcpu>/
      edit(call, machineOf(call, args), flags, xml => {
        const now = Number(/<vcpu current=['"](\d+)/.exec(xml)?.[1] ?? pattern.exec(xml)?.[2])
        const limit = Number(pattern.exec(xml)?.[2])
        const next = flags & maximum ? { now: Math.min(now, vcpus), limit: vcpus } : { now: vcpus, limit }
        must(call, next.now <= next.limit)
        return replaced(xml, pattern, `<vcpu current='${next.now}'$1>${next.limit}</vcpu>`)
      })
    },
    domainSetMemoryFlags: (args, call) => {
      const { flags = 0, memory = 0 } = args
      const limit = (xml: string) => Number(/<memory[^>]*>(\d+)</.exec(xml)?.[1])
      edit(call, machineOf(call, args), flags, xml => {
        const whole = xml.includes('<currentMemory')
          ? xml
          : xml.replace(/<memory[^>]*>(\d+)<\/memory>/, "$&<currentMemory unit='KiB'>$1</currentMemory>")
        if (!(flags & maximum)) {
          must(call, memory <= limit(whole))
          return replaced(whole, /<currentMemory[^>]*>\d+</, `<currentMemory unit='KiB'>${memory}<`)
        }
        const more = replaced(whole, /<memory[^>]*>\d+</, `<memory unit='KiB'>${memory}<`)
        return Number(/<currentMemory[^>]*>(\d+)/.exec(more)?.[1]) <= memory
          ? more
          : replaced(more, /<currentMemory[^>]*>\d+</, `<currentMemory unit='KiB'>${memory}<`)
      })
    },
    domainDefineXMLFlags: ({ xml = '' }, call) => {
      const one = machineOf(call, { uuid: /<uuid>([^<]+)</.exec(xml)?.[1] ?? '' })
      one.stored = xml
      return domain(one)
    },
    domainGetBlockInfo: (args, call) => {
      const capacity = volumes.get(diskOf(machineOf(call, args), args.path ?? '')) ?? 0
      return { allocation: 0, capacity, physical: capacity }
    },
    domainBlockResize: (args, call) => {
      volumes.set(diskOf(machineOf(call, args), args.disk ?? ''), args.size ?? 0)
    },
    storagePoolLookupByName: () => ({ name: 'vms', uuid: 'vms' }),
    storageVolLookupByName: ({ name: one = '' }, call) => {
      if (!volumes.has(one)) throw refused(call, 'NO_STORAGE_VOL')
      return volume(one)
    },
    storageVolGetXMLDesc: args => {
      const one = args.volume?.name ?? ''
      const base = bases.get(one)
      const below =
        base === undefined ? '' : `<backingStore><path>${base}</path><format type='qcow2'/></backingStore>`
      return `<volume><name>${one}</name><capacity unit='bytes'>${volumes.get(one)}</capacity><target><path>/vms/${one}</path><format type='qcow2'/></target>${below}</volume>`
    },
    storageVolCreateXML: ({ xml = '' }) => {
      const one = /<name>([^<]+)</.exec(xml)?.[1] ?? ''
      volumes.set(one, Number(/<capacity[^>]*>(\d+)/.exec(xml)?.[1]))
      const base = /<backingStore>\s*<path>([^<]+)/.exec(xml)?.[1]
      if (base !== undefined) bases.set(one, base)
      return volume(one)
    },
    storageVolDelete: args => {
      volumes.delete(args.volume?.name ?? '')
      bases.delete(args.volume?.name ?? '')
    },
    storageVolResize: args => void volumes.set(args.volume?.name ?? '', args.capacity ?? 0),
  }

  const answer = (call: string, args: Asked) => {
    const code = refusals.get(call)
    refusals.delete(call)
    if (code !== undefined) throw refused(call, code)
    const found = calls[call]
    if (found === undefined) throw new Error(`nobody should call ${call}`)
    return found(args, call)
  }
  const client = {
    async call({ name: call, effect }: Procedure<unknown, unknown>, args: Asked = {}) {
      if (dead) throw new CutOff(call)
      if (effect === 'read' || call === 'domainInterfaceAddresses') return answer(call, args)
      count += 1
      const here = cut?.at === count ? cut.when : undefined
      if (here === 'before') dead = true
      if (dead) throw new CutOff(call)
      changes.push(call)
      const done = answer(call, args)
      if (here === 'after') dead = true
      if (dead) throw new CutOff(call)
      return done
    },
  }
  const ports = { clock: { now: () => 0, sleep: async () => undefined } }
  const host = { client, ports, usage: new Usage() } as unknown as Host

  return {
    named: { name, host },
    machines,
    volumes,
    bases,
    changes,
    add(one, uuid, more = {}) {
      const stored = serializeXml(buildDomain({ ...inputOf({ ...spec, ...more }, one), uuid }))
      const made = { name: one, uuid, stored, live: undefined, id: -1, paused: false, saved: false }
      machines.set(uuid, made)
      for (const disk of ['boot', 'data-vdb']) volumes.set(`${one}_${disk}`, 2 ** 30)
      return made
    },
    arm(next) {
      cut = next
      count = 0
      dead = false
    },
    refuse: (call, code) => void refusals.set(call, code),
  }
}

function diskOf({ name }: SimMachine, device: string): string {
  return device === 'vda' ? `${name}_boot` : `${name}_data-${device}`
}
