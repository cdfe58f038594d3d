/** What a virtual machine really is: its persistent and its running definition, its disks, what it does. */
import type { Attributes, Json } from '../../model/value.js'
import type { Observation, Target } from '../provider.js'
import { AddressBook } from './addresses.js'
import { type DomainEntry, Domains } from './domains.js'
import { heldBack, withLeftDisks } from './held-back.js'
import { InactivePool, type Inventory } from './inventory.js'
import { list, objects, present, text } from './kinds/values.js'
import { virtualMachine } from './kinds/virtual-machine/index.js'
import { bootVolume, dataVolume } from './names.js'
import { pendingPaths } from './pending.js'
import { isChanging, type Progress, readProgress } from './progress.js'
import { renamedRemark } from './rename.js'
import { observedMachine } from './xml/domain-observe.js'
import { type DomainReading, notRead, readDomain } from './xml/domain-read.js'
import type { DiskReading } from './xml/domain-read-disks.js'
import { parseXml } from './xml/parse.js'
import { find, findAll, type XmlElement } from './xml/tree.js'

interface Definitions {
  /** Of the persistent one. */
  readonly reading: DomainReading
  /** Of the running one, where it runs. */
  readonly live: DomainReading | undefined
  readonly progress: Progress | undefined
  readonly changing: boolean
  readonly isOtherCpu: boolean
  /** Whether the guest's agent is connected. */
  readonly hasAgent: boolean
}

export class MachineObserver {
  readonly #inventory: Inventory
  readonly #domains: Domains
  readonly #book: AddressBook
  readonly #shared: boolean
  readonly #listed: Promise<void> | undefined

  /** `all` is what one observation is about; with `bulk` everything is listed first. */
  constructor(inventory: Inventory, bulk: boolean, all: readonly Target[]) {
    const machines = all.filter(target => target.kind === 'VirtualMachine')
    this.#inventory = inventory
    this.#domains = new Domains(inventory.host, inventory.signal, bulk)
    this.#book = new AddressBook(inventory.host, inventory.signal)
    this.#shared = all.some(target => target.kind === 'Volume' || target.kind === 'Image')
    this.#listed = bulk && machines.length > 0 ? this.#list(machines) : undefined
  }

  async #list(machines: readonly Target[]): Promise<void> {
    const pools = new Set(machines.flatMap(({ spec }) => text(spec.storagePool) ?? []))
    // read ahead: who needs it hears of the error
    await Promise.all([this.#inventory.list(pools), this.#domains.all().catch(() => undefined)])
  }

  async observe(target: Target): Promise<Observation> {
    await this.#listed
    const entry = await this.#domains.find(target.name, target.identity?.uuid)
    if (entry === undefined) return { status: 'absent' }
    const reads = this.#definitions(entry, target)
    if (this.#shared)
      this.#inventory.knowDisks(
        entry.domain,
        reads.then(({ live, reading }) => (live ?? reading).disks),
      )
    const { reading, live, progress, changing, isOtherCpu, hasAgent } = await reads
    const volumes = await this.#readVolumes(live === undefined ? [reading] : [reading, live])
    const observed = observedMachine(reading, this.#inventory.readings(), target.spec)
    const lost = lostDisks(reading, target.spec, this.#inventory, volumes.unknown)
    const isOwnLost = lost.includes('vda')
    const stored = withoutLost(observed.spec, lost)
    const running = live && observedMachine(live, this.#inventory.readings(), target.spec).spec
    const now = running && heldBack({ stored, live: running, declared: target.spec }, changing)
    const left = changing ? await this.#leftDisks(reading, target.spec) : new Set<string>()
    const pending = live && [
      ...pendingPaths(running ?? {}, stored, virtualMachine.keyedLists).filter(
        path => !now?.paths.some(held => path === held || path.startsWith(`${held}.`)),
      ),
      ...leftDevices(live, reading).filter(path => !now?.paths.includes(path)),
      ...(live.metadata.seed === reading.metadata.seed ? [] : ['cloudInit']),
      ...(isOtherCpu ? ['cpuMode'] : []),
    ]
    const remarks = [
      ...stateRemarks(entry, progress, target.name),
      ...(changing && (now?.paths.length || left.size > 0) ? ['changed in part only'] : []),
      ...volumes.remarks,
      ...lost.map(device => `the volume of its disk ${device} is gone`),
      ...(observed.undeclared.length > 0 ? [`not in the stack: ${observed.undeclared.join(', ')}`] : []),
    ]
    // not a literal that spreads and adds, here and below: see `present`
    const spec = Object.assign({}, withLeftDisks(now?.spec ?? stored, target.spec, left), {
      autostart: entry.autostart,
    })
    // one whose memory is saved is neither running nor stopped: it is left to whoever saved it
    if (!entry.saved) Object.assign(spec, { powerState: entry.active ? 'running' : 'stopped' })
    const { owner } = reading.metadata
    return Object.assign(
      {
        status: 'present' as const,
        identity: { uuid: entry.domain.uuid },
        spec,
        facts: await this.#facts(entry, reading, live, hasAgent),
      },
      owner && { owner },
      pending !== undefined && pending.length > 0 ? { pending: [...new Set(pending)].sort() } : undefined,
      remarks.length > 0 ? { remark: remarks.join('; ') } : undefined,
      progress !== undefined || isOwnLost ? { incomplete: true as const } : undefined,
    )
  }

  /**
   * All that the definitions tell: nothing holds on to their trees. The volumes that it should have are asked for first, so
   * that all is known once its definition comes: of a thousand machines, none waits half-read for the others.
   */
  async #definitions(entry: DomainEntry, { name, spec: declared }: Target): Promise<Definitions> {
    if (this.#listed !== undefined)
      this.#inventory.readAhead(text(declared.storagePool) ?? '', [
        bootVolume(name),
        ...objects(declared.dataDisks).map(({ item }) => dataVolume(name, String(item.device))),
      ])
    const [storedXml, runningXml] = await Promise.all([
      this.#inventory.domain(entry.domain, entry.persistent),
      entry.active ? this.#inventory.domain(entry.domain, false) : undefined,
    ])
    const stored = parseXml(storedXml, notRead)
    const running = runningXml === undefined ? undefined : parseXml(runningXml, notRead)
    return {
      reading: readDomain(stored, { declared, name }),
      live: running && readDomain(running, { declared, name, live: true }),
      progress: readProgress(stored),
      changing: isChanging(stored),
      isOtherCpu: isOtherCpu(running, stored),
      hasAgent: isAgentConnected(running),
    }
  }

  /** Reads what is below every disk. What lies in a pool that is not active stays unknown. */
  async #readVolumes(
    readings: readonly DomainReading[],
  ): Promise<{ remarks: string[]; unknown: Set<string> }> {
    const remarks = new Set<string>()
    const unknown = new Set<string>()
    const disks = new Map<string, DiskReading>()
    for (const { disks: all } of readings)
      for (const disk of all)
        if ((disk.role === 'boot' || disk.role === 'data') && !this.#inventory.isRead(disk))
          disks.set(`${disk.device} ${disk.reference}`, disk)
    await Promise.all(
      [...disks.values()].map(async disk => {
        try {
          const { pool, volume, path } = disk
          const found =
            pool !== undefined && volume !== undefined
              ? await this.#inventory.volume(pool, volume)
              : path === undefined
                ? undefined
                : await this.#inventory.volumeByPath(path)
          if (found !== undefined) await this.#inventory.readChain(found)
        } catch (error) {
          if (!(error instanceof InactivePool)) throw error
          remarks.add(error.message)
          unknown.add(disk.device)
        }
      }),
    )
    return { remarks: [...remarks], unknown }
  }

  /** Devices of declared disks that are stored no more, though their volumes are there. */
  async #leftDisks(reading: DomainReading, declared: Attributes): Promise<Set<string>> {
    const pool = text(declared.storagePool)
    const stored = new Set(reading.disks.map(disk => disk.device))
    const own = objects(declared.dataDisks).filter(
      ({ item }) => item.sizeGB !== undefined && !stored.has(String(item.device)),
    )
    const found = await Promise.all(
      own.map(async ({ item }) => {
        const device = String(item.device)
        const name = dataVolume(reading.name, device)
        const volume = pool === undefined ? undefined : await this.#inventory.volume(pool, name)
        return volume !== undefined && (await this.#inventory.read(volume)) !== undefined ? [device] : []
      }),
    )
    return new Set(found.flat())
  }

  async #facts(
    entry: DomainEntry,
    reading: DomainReading,
    live: DomainReading | undefined,
    hasAgent: boolean,
  ): Promise<Attributes> {
    const guest =
      live === undefined
        ? { addresses: [], hostname: undefined }
        : await this.#book.of(entry.domain, live, hasAgent)
    const ipv4 = guest.addresses.find(address => !address.includes(':'))
    const ipv6 = guest.addresses.find(address => address.includes(':'))
    return present({
      uuid: entry.domain.uuid,
      state: stateOf(entry),
      phase: phaseOf(entry, reading),
      addresses: guest.addresses,
      ipv4,
      ipv6,
      hostname: guest.hostname,
      macAddresses: reading.interfaces.map(one => one.mac),
      serialLog: reading.serialLogPath,
      console: live?.consolePath,
      graphics: live?.display,
    })
  }
}

function isAgentConnected(running: XmlElement | undefined): boolean {
  return findAll(find(running, 'devices'), 'channel').some(channel => {
    const target = find(channel, 'target')?.attributes
    return target?.name === 'org.qemu.guest_agent.0' && target.state === 'connected'
  })
}

function stateOf(entry: DomainEntry): string {
  if (entry.paused) return 'paused'
  if (entry.active) return 'running'
  return entry.saved ? 'saved' : 'shut off'
}

/** Foundry's word for what a machine does. */
function phaseOf(entry: DomainEntry, _reading: DomainReading): string {
  return entry.active ? 'Running' : 'Stopped'
}

const doing: Readonly<Record<Progress, string>> = {
  creating: 'made',
  restoring: 'brought back',
  deleting: 'deleted',
}

function stateRemarks(entry: DomainEntry, progress: Progress | undefined, ownName: string): string[] {
  const { name } = entry.domain
  const renamed = renamedRemark(name, ownName)
  return [
    ...(renamed === undefined ? [] : [renamed]),
    ...(progress === undefined ? [] : [`${doing[progress]} in part only`]),
    ...(entry.paused ? [`paused by hand: \`virsh resume ${name}\` lets it go on`] : []),
    ...(entry.saved ? [`saved by hand: \`virsh start ${name}\` lets it go on`] : []),
    ...(entry.persistent ? [] : ['transient: it is gone once it stops']),
  ]
}

/** A running machine tells its mode of CPU as it is stored, but for the host's model, which it spells out. */
function isOtherCpu(running: XmlElement | undefined, stored: XmlElement): boolean {
  const [now, next] = [running, stored].map(root => find(root, 'cpu')?.attributes.mode)
  return now !== next && now !== undefined && next !== undefined && next !== 'host-model'
}

/** Devices that the running machine still has and the stored one has no more. */
function leftDevices(live: DomainReading, stored: DomainReading): string[] {
  const disks = new Set(stored.disks.map(disk => disk.device))
  const macs = new Set(stored.interfaces.map(one => one.mac))
  return [
    ...live.disks
      .filter(disk => disk.role === 'data' && !disks.has(disk.device))
      .map(disk => `dataDisks[${disk.device}]`),
    ...live.interfaces
      .filter(one => !macs.has(one.mac))
      .map(one => `networkInterfaces[${String(one.spec.name)}]`),
  ]
}

/** Devices of the machine's own disks whose volume is not there any more. */
function lostDisks(
  reading: DomainReading,
  declared: Attributes,
  inventory: Inventory,
  unknown: ReadonlySet<string>,
): string[] {
  const referenced = new Set(
    objects(declared.dataDisks).flatMap(({ item }) => (item.volume === undefined ? [] : [item.device])),
  )
  return reading.disks
    .filter(disk => {
      const own = disk.role === 'boot' ? bootVolume(reading.name) : dataVolume(reading.name, disk.device)
      if (disk.role !== 'boot' && disk.role !== 'data') return false
      if (disk.volume !== own || disk.pool === undefined) return false
      if (unknown.has(disk.device) || referenced.has(disk.device)) return false
      return inventory.readings().byName(disk.pool, disk.volume) === undefined
    })
    .map(disk => disk.device)
}

function withoutLost(spec: Attributes, lost: readonly string[]): Attributes {
  if (lost.length === 0) return spec
  return { ...spec, dataDisks: list(spec.dataDisks).filter(item => !lost.includes(deviceOf(item))) }
}

function deviceOf(item: Json): string {
  return typeof item === 'object' && item !== null && 'device' in item ? String(item.device) : ''
}
