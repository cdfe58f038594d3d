/** IP addresses of running guests: from their agents, the leases of libvirt's networks, their own documents, the host's neighbours. */
import { ask, type Host, orAbsent } from './connection.js'
import { list, objects, text } from './kinds/values.js'
import { addressSources } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'
import type { DomainReading } from './xml/domain-read.js'

export interface GuestAddresses {
  /** Without prefixes; those of loopback and link-local ones are left out. In the order of the interfaces. */
  readonly addresses: readonly string[]
  readonly hostname: string | undefined
}

/** What a running definition tells of where its guest can be asked for. */
export interface Guest {
  /** Whether the guest has opened its agent's channel. */
  readonly agent: boolean
  readonly macs: readonly string[]
  /** libvirt's networks that it is plugged into. */
  readonly networks: readonly string[]
  /** Addresses that its own document gives it. */
  readonly fixed: readonly string[]
}

export function guestOf(reading: DomainReading, agent: boolean): Guest {
  const networks = reading.interfaces.flatMap(one => text(one.spec.network) ?? [])
  return {
    agent,
    macs: reading.interfaces.map(one => one.mac),
    networks: [...new Set(networks)],
    fixed: staticAddresses(reading),
  }
}

/** Seconds for an agent that is connected and does not answer. */
const agentTimeout = 3

export class AddressBook {
  readonly #host: Host
  readonly #signal: AbortSignal
  readonly #leases = new Map<string, Promise<readonly Lease[]>>()

  constructor(host: Host, signal: AbortSignal) {
    this.#host = host
    this.#signal = signal
  }

  /** What is known of a running guest. */
  async of(domain: Domain, guest: Guest): Promise<GuestAddresses> {
    const byAgent = guest.agent ? await this.#byAgent(domain) : undefined
    if (byAgent !== undefined && byAgent.addresses.length > 0) return byAgent
    const leases = (await Promise.all(guest.networks.map(name => this.#leasesOf(name)))).flat()
    const found = guest.macs.flatMap(mac => leases.filter(lease => lease.mac === mac))
    const told = unique([...found.map(lease => lease.address), ...guest.fixed])
    return {
      addresses: told.length > 0 ? told : await this.#byNeighbours(domain),
      hostname: byAgent?.hostname ?? found.find(lease => lease.hostname !== undefined)?.hostname,
    }
  }

  /** What the host's own table of neighbours has of its MAC addresses. */
  async #byNeighbours(domain: Domain): Promise<readonly string[]> {
    const args = { domain, source: addressSources.arp, flags: 0 }
    // libvirt 9.0 cannot read the table of newer kernels, and says so by an error
    const found = await ask(this.#host, procedures.domains.addresses, args, this.#signal).catch(quiet)
    this.#signal.throwIfAborted()
    return unique(found?.flatMap(one => one.addresses.map(entry => entry.address)) ?? []).filter(isUsable)
  }

  async #byAgent(domain: Domain): Promise<GuestAddresses | undefined> {
    const { addresses, agent } = procedures.domains
    const args = { domain, source: addressSources.agent, flags: 0 }
    const command = JSON.stringify({ execute: 'guest-get-host-name' })
    const [found, name] = await Promise.all([
      this.#host.client
        .call(addresses, args, { signal: this.#signal, timeout: agentTimeout * 2_000 })
        .catch(quiet),
      this.#host.client
        .call(
          agent,
          { domain, command, timeout: agentTimeout, flags: 0 },
          { signal: this.#signal, timeout: agentTimeout * 2_000 },
        )
        .catch(quiet),
    ])
    this.#signal.throwIfAborted()
    if (found === undefined) return undefined
    return {
      addresses: found.flatMap(one => one.addresses.map(entry => entry.address)).filter(isUsable),
      hostname: hostnameOf(name),
    }
  }

  #leasesOf(name: string): Promise<readonly Lease[]> {
    const known = this.#leases.get(name)
    if (known !== undefined) return known
    const made = this.#readLeases(name)
    this.#leases.set(name, made)
    return made
  }

  async #readLeases(name: string): Promise<readonly Lease[]> {
    const { lookupByName, leases } = procedures.networks
    const network = await orAbsent(ask(this.#host, lookupByName, { name }, this.#signal), 'NO_NETWORK')
    if (network === undefined) return []
    const args = { network, mac: undefined, needResults: 1, flags: 0 }
    return (
      (await orAbsent(ask(this.#host, leases, args, this.#signal), 'OPERATION_INVALID', 'NO_SUPPORT')) ?? []
    )
  }
}

function isUsable(address: string): boolean {
  return !/^(127\.|::1$|fe80:)/i.test(address)
}

function unique(addresses: readonly string[]): readonly string[] {
  return [...new Set(addresses)]
}

/** What the document on the domain gives its interfaces: cloud-init has told the guest to take these. */
function staticAddresses(reading: DomainReading): readonly string[] {
  const macs = new Set(reading.interfaces.map(one => one.mac))
  return objects(reading.metadata.document?.networkInterfaces).flatMap(({ item }) =>
    macs.has(text(item.mac) ?? '')
      ? [item.ip, ...list(item.addresses)].flatMap(value => text(value)?.split('/')[0] ?? [])
      : [],
  )
}

interface Lease {
  readonly mac: string | undefined
  readonly address: string
  readonly hostname: string | undefined
}

/** An agent that does not answer (any more) tells nothing; that is no error of reading the machine. */
function quiet(): undefined {
  return undefined
}

/** Undefined where the agent's answer is none. */
function hostnameOf(answer: string | undefined): string | undefined {
  try {
    const name: unknown = JSON.parse(answer ?? '{}')?.return?.['host-name']
    return typeof name === 'string' ? name : undefined
  } catch {
    // a guest may say anything
    return undefined
  }
}
