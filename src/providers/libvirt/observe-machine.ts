/** What a virtual machine really is: its persistent and its running definition, its disks, what it does. */
import type { Attributes } from '../../model/value.js'
import type { Observation, Target } from '../provider.js'
import { AddressBook, type Guest } from './addresses.js'
import { type DomainEntry, Domains } from './domains.js'
import { guestMemory } from './guest-memory.js'
import { hasLessMemory } from './held-back.js'
import { InactivePool, type Inventory } from './inventory.js'
import { digestOfTexts, type KeptMachine, leastMachines, volumesBelow } from './kept-machines.js'
import { memoryGib } from './kinds/units.js'
import { objects, present, text } from './kinds/values.js'
import {
  type Definitions,
  type DefinitionTexts,
  type Drive,
  type Glance,
  readDefinitions,
} from './machine-definitions.js'
import { bootVolume, dataVolume } from './names.js'
import type { Volume } from './rpc/types.js'
import { type ToldMachine, toldMachine } from './told-machine.js'

/** Definitions as they were asked for; what they tell is read when it is not known already. */
interface Look {
  readonly texts: DefinitionTexts
  readonly glance: Glance
  readonly definitions: Definitions
}

export class MachineObserver {
  readonly #inventory: Inventory
  readonly #domains: Domains
  readonly #book: AddressBook
  readonly #shared: boolean
  readonly #listed: Promise<void> | undefined
  readonly #known: Promise<ReadonlyMap<string, KeptMachine>> | undefined
  readonly #rows = new Map<string, KeptMachine>()
  #changed = false

  /** `all` is what one observation is about; with `bulk` everything is listed first. */
  constructor(inventory: Inventory, bulk: boolean, all: readonly Target[]) {
    const machines = all.filter(target => target.kind === 'VirtualMachine')
    this.#inventory = inventory
    this.#domains = new Domains(inventory.host, inventory.signal, bulk)
    this.#book = new AddressBook(inventory.host, inventory.signal)
    this.#shared = all.some(target => target.kind === 'Volume' || target.kind === 'Image')
    this.#listed = bulk && machines.length > 0 ? this.#list(machines) : undefined
    this.#known = machines.length < leastMachines ? undefined : inventory.host.machines.known()
  }

  /** Lists the volumes of their pools. Read ahead: who needs it hears of the error. */
  async #list(machines: readonly Target[]): Promise<void> {
    const pools = new Set(machines.flatMap(({ spec }) => text(spec.storagePool) ?? []))
    await this.#inventory.list(pools).catch(() => undefined)
  }

  async observe(target: Target): Promise<Observation> {
    const entry = await this.#domains.find(target.name, target.identity?.uuid)
    if (entry === undefined) return { status: 'absent' }
    const looking = this.#look(entry, target)
    if (this.#shared)
      this.#inventory.knowDisks(
        entry.domain,
        looking.then(({ glance }) => glance.used),
      )
    const look = await looking
    const told = 'told' in look ? look.told : await this.#told(entry, target, look)
    return Object.assign(
      {
        status: 'present' as const,
        identity: { uuid: entry.domain.uuid },
        spec: told.spec,
        facts: await this.#facts(entry, told, look.glance.guest),
      },
      told.owner && { owner: told.owner },
      told.pending && { pending: told.pending },
      told.remark !== undefined ? { remark: told.remark } : undefined,
      told.incomplete && { incomplete: told.incomplete },
    )
  }

  /** Keeps what was found, for the next observation. */
  async keep(): Promise<void> {
    const known = await this.#known
    if (known === undefined) return
    const changed = this.#changed || known.size !== this.#rows.size
    await this.#inventory.host.machines.keep(this.#rows, changed)
  }

  /**
   * What is kept of it, where all that it was made of is the same; else its definitions, read. What is kept tells which volumes
   * to ask for, before those of its pool are listed.
   */
  async #look(entry: DomainEntry, target: Target): Promise<Look | KeptMachine> {
    const row = (await this.#known)?.get(target.address)
    if (row === undefined) {
      await this.#listed
      this.#readAhead(target)
    }
    const [volumes, texts] = await Promise.all([row && this.#textsOf(row.volumes), this.#texts(entry)])
    if (row && volumes && digestOfTexts(entry, target, texts, volumes) === row.of) {
      this.#rows.set(target.address, row)
      return row
    }
    return { texts, ...readDefinitions(texts, target) }
  }

  async #texts(entry: DomainEntry): Promise<DefinitionTexts> {
    const [stored, running] = await Promise.all([
      this.#inventory.domain(entry.domain, entry.persistent),
      entry.active ? this.#inventory.domain(entry.domain, false) : undefined,
    ])
    return { stored, running }
  }

  /**
   * The volumes that it should have are asked for first, so that all is known once its definition comes: of a thousand
   * machines, none waits half-read for the others.
   */
  #readAhead({ name, spec: declared }: Target): void {
    this.#inventory.readAhead(text(declared.storagePool) ?? '', [
      bootVolume(name),
      ...objects(declared.dataDisks).map(({ item }) => dataVolume(name, String(item.device))),
    ])
  }

  /** The XML of each as it is now; undefined where one cannot be had. */
  async #textsOf(volumes: readonly Volume[]): Promise<string[] | undefined> {
    // who needs it hears of the error
    const again = (volume: Volume) => this.#inventory.textAgain(volume).catch(() => undefined)
    const texts = await Promise.all(volumes.map(again))
    return texts.every(text => text !== undefined) ? texts : undefined
  }

  async #told(entry: DomainEntry, target: Target, look: Look): Promise<ToldMachine> {
    const { glance } = look
    const { definitions, isMeasured } = await this.#measured(entry, look.definitions)
    const { remarks, unknown } = await this.#readVolumes(glance.drives)
    const volumes = this.#inventory.readings()
    const { reading, changing } = definitions
    const left = changing
      ? await this.#leftDisks(reading.name, new Set(reading.disks.map(disk => disk.device)), target.spec)
      : new Set<string>()
    const told = toldMachine(entry, target, definitions, { volumes, remarks, unknown, left })
    // it is kept by what was asked for each time: what a cut off change left, what lies in a pool that is not active and what
    // was asked of the guest is not among that
    if (!changing && unknown.size === 0 && !isMeasured) await this.#remember(entry, target, look, told)
    return told
  }

  /** What the guest has is asked where its definition tells less than it should have. One that is paused can take nothing. */
  async #measured(
    entry: DomainEntry,
    definitions: Definitions,
  ): Promise<{ readonly definitions: Definitions; readonly isMeasured: boolean }> {
    const { reading, live } = definitions
    if (live === undefined || !hasLessMemory(reading.spec, live.spec))
      return { definitions, isMeasured: false }
    const { host, signal } = this.#inventory
    const kib = entry.paused ? undefined : await guestMemory(host, entry.domain, signal)
    const memoryGiB = kib === undefined ? undefined : memoryGib(kib)
    return {
      definitions: { ...definitions, live: { ...live, spec: present(live.spec, { memoryGiB }) } },
      isMeasured: true,
    }
  }

  async #remember(entry: DomainEntry, target: Target, look: Look, told: ToldMachine): Promise<void> {
    const { machines } = this.#inventory.host
    if (this.#known === undefined && !machines.areKept) return
    const { texts, glance } = look
    const volumes = volumesBelow(glance.drives, this.#inventory.readings())
    const below = volumes && (await this.#textsOf(volumes))
    if (volumes === undefined || below === undefined) return
    const of = digestOfTexts(entry, target, texts, below)
    const row = { of, volumes, glance, told }
    if (this.#known === undefined) machines.add(target.address, row)
    else this.#rows.set(target.address, row)
    this.#changed = true
  }

  /** Reads what is below every disk. What lies in a pool that is not active stays unknown. */
  async #readVolumes(drives: readonly Drive[]): Promise<{ remarks: string[]; unknown: Set<string> }> {
    const remarks = new Set<string>()
    const unknown = new Set<string>()
    const disks = new Map<string, Drive>()
    for (const disk of drives)
      if (!this.#inventory.isRead(disk)) disks.set(`${disk.device} ${disk.reference}`, disk)
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
  async #leftDisks(machine: string, stored: ReadonlySet<string>, declared: Attributes): Promise<Set<string>> {
    const pool = text(declared.storagePool)
    const own = objects(declared.dataDisks).filter(
      ({ item }) => item.sizeGB !== undefined && !stored.has(String(item.device)),
    )
    const found = await Promise.all(
      own.map(async ({ item }) => {
        const device = String(item.device)
        const name = dataVolume(machine, device)
        const volume = pool === undefined ? undefined : await this.#inventory.volume(pool, name)
        return volume !== undefined && (await this.#inventory.read(volume)) !== undefined ? [device] : []
      }),
    )
    return new Set(found.flat())
  }

  async #facts(entry: DomainEntry, told: ToldMachine, guest: Guest | undefined): Promise<Attributes> {
    const { addresses, hostname } =
      guest === undefined ? { addresses: [], hostname: undefined } : await this.#book.of(entry.domain, guest)
    const { macAddresses, serialLog, console, graphics } = told.facts
    return present({
      uuid: entry.domain.uuid,
      state: stateOf(entry),
      phase: phaseOf(entry),
      addresses,
      ipv4: addresses.find(address => !address.includes(':')),
      ipv6: addresses.find(address => address.includes(':')),
      hostname,
      macAddresses,
      serialLog,
      console,
      graphics,
    })
  }
}

function stateOf(entry: DomainEntry): string {
  if (entry.paused) return 'paused'
  if (entry.active) return 'running'
  return entry.saved ? 'saved' : 'shut off'
}

/** Foundry's word for what a machine does. */
function phaseOf(entry: DomainEntry): string {
  return entry.active ? 'Running' : 'Stopped'
}
