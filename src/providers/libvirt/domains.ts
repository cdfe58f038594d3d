/** Domains and what they are doing, for one observation: all of them in five calls, or a few one by one. */
import { ask, findDomain, type Host, orAbsent } from './connection.js'
import { domainStates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'

export interface DomainEntry {
  readonly domain: Domain
  /** It runs, or is paused: there is a process of it. */
  readonly active: boolean
  readonly paused: boolean
  /** Its memory is saved on the disk, to be resumed by its next start. */
  readonly saved: boolean
  readonly autostart: boolean
  readonly persistent: boolean
}

/** Filters of libvirt's list of domains: those that few domains, as a rule, are in. That one runs is told by its number. */
const filters = { transient: 8, paused: 32, saved: 256, autostart: 1024 } as const

export class Domains {
  readonly #host: Host
  readonly #signal: AbortSignal
  readonly #bulk: boolean
  #all: Promise<readonly DomainEntry[]> | undefined
  #index: Promise<ReadonlyMap<string, DomainEntry>> | undefined

  constructor(host: Host, signal: AbortSignal, bulk: boolean) {
    this.#host = host
    this.#signal = signal
    this.#bulk = bulk
  }

  /** By its UUID where that is known and there, else by its name. */
  async find(name: string, uuid: string | undefined): Promise<DomainEntry | undefined> {
    if (this.#bulk) {
      this.#index ??= this.all().then(
        all =>
          new Map(
            all.flatMap(
              entry =>
                [
                  [entry.domain.name, entry],
                  [entry.domain.uuid, entry],
                ] as const,
            ),
          ),
      )
      const index = await this.#index
      return (uuid === undefined ? undefined : index.get(uuid)) ?? index.get(name)
    }
    const domain = await findDomain(this.#host, { name, uuid }, this.#signal)
    return domain && this.#one(domain)
  }

  all(): Promise<readonly DomainEntry[]> {
    this.#all ??= this.#list()
    return this.#all
  }

  async #list(): Promise<readonly DomainEntry[]> {
    const list = (flags: number) =>
      ask(this.#host, procedures.connect.listDomains, { needResults: 1, flags }, this.#signal)
    const [all, ...groups] = await Promise.all([list(0), ...Object.values(filters).map(list)])
    const names = Object.keys(filters) as (keyof typeof filters)[]
    const sets = new Map(names.map((name, index) => [name, new Set(groups[index]?.map(one => one.uuid))]))
    const is = (name: keyof typeof filters, domain: Domain) => sets.get(name)?.has(domain.uuid) === true
    return (all ?? []).map(domain => ({
      domain,
      active: domain.id >= 0,
      paused: is('paused', domain),
      saved: is('saved', domain),
      autostart: is('autostart', domain),
      persistent: !is('transient', domain),
    }))
  }

  async #one(domain: Domain): Promise<DomainEntry> {
    const { state, hasManagedSave, autostart, isPersistent } = procedures.domains
    const active = domain.id >= 0
    const [now, saved, starts, persistent] = await Promise.all([
      // one that does not run is neither paused nor transient
      active ? ask(this.#host, state, { domain, flags: 0 }, this.#signal) : undefined,
      ask(this.#host, hasManagedSave, { domain, flags: 0 }, this.#signal),
      orAbsent(ask(this.#host, autostart, { domain }, this.#signal), 'OPERATION_INVALID', 'NO_SUPPORT'),
      active ? ask(this.#host, isPersistent, { domain }, this.#signal) : true,
    ])
    return {
      domain,
      active,
      paused: now?.state === domainStates.paused,
      saved,
      autostart: starts ?? false,
      persistent,
    }
  }
}
