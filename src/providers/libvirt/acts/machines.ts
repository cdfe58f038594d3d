/** The machines of a host as people ask for them: all read in bulk, whoever made them. */
import { AddressBook, guestOf } from '../addresses.js'
import { ask, type Host } from '../connection.js'
import { type DomainEntry, Domains } from '../domains.js'
import { number } from '../kinds/values.js'
import { virtualMachine } from '../kinds/virtual-machine/index.js'
import { pendingPaths } from '../pending.js'
import { readProgress } from '../progress.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain } from '../rpc/types.js'
import { type DomainReading, readDomain } from '../xml/domain-read.js'
import { parseXml } from '../xml/parse.js'
import { find, findAll, type XmlElement } from '../xml/tree.js'
import type { NamedHost } from './open.js'
import { inRescue } from './rescue-definition.js'

export const machineStates = ['running', 'paused', 'shut off', 'saved'] as const
export type MachineState = (typeof machineStates)[number]

export interface MachineView {
  /** Name of the connection to the host that it is on. */
  readonly host: string
  readonly name: string
  readonly uuid: string
  readonly state: MachineState
  readonly vcpus: number
  readonly memoryGiB: number
  readonly addresses: readonly string[]
  /** As its guest agent tells it. */
  readonly hostname?: string
  /** Whether the guest has opened its agent's channel. */
  readonly agent: boolean
  readonly autostart: boolean
  readonly labels: Readonly<Record<string, string>>
  /** Its address in the stack that owns it. */
  readonly address?: string
  readonly lineage?: string
  /** Stored values that wait for a restart. */
  readonly pending: readonly string[]
  /** Made or deleted in part only. */
  readonly unfinished: boolean
  /** Booted from a rescue medium. */
  readonly rescue: boolean
}

/** A machine, with what acts need to work on it. */
export interface Machine {
  readonly host: Host
  readonly domain: Domain
  readonly view: MachineView
  /** Its persistent definition. */
  readonly stored: DomainReading
  readonly live: DomainReading | undefined
}

/** All machines of a host, or those that are wanted, by name. */
export async function readMachines(
  { name, host }: NamedHost,
  signal: AbortSignal,
  isWanted: (domain: Domain) => boolean = () => true,
): Promise<readonly Machine[]> {
  const book = new AddressBook(host, signal)
  const entries = (await new Domains(host, signal, true).all()).filter(one => isWanted(one.domain))
  const machines = await Promise.all(entries.map(entry => readOne(name, host, entry, book, signal)))
  return machines
    .filter(machine => machine !== undefined)
    .sort((a, b) => (a.view.name < b.view.name ? -1 : a.view.name > b.view.name ? 1 : 0))
}

/** Undefined for one that is gone since it was listed. */
async function readOne(
  connection: string,
  host: Host,
  entry: DomainEntry,
  book: AddressBook,
  signal: AbortSignal,
): Promise<Machine | undefined> {
  const { domain } = entry
  const xml = async (flags: number) =>
    parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
  let roots: readonly [XmlElement, XmlElement | undefined]
  try {
    roots = await Promise.all([
      xml(entry.persistent ? domainXmlFlags.inactive : 0),
      entry.active ? xml(0) : undefined,
    ])
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
  const [root, running] = roots
  const stored = readDomain(root)
  const live = running && readDomain(running, { live: true })
  const agent = hasAgent(running)
  const guest = live === undefined ? undefined : await book.of(domain, guestOf(live, agent))
  const { owner, labels } = stored.metadata
  const now = live?.spec ?? stored.spec
  return {
    host,
    domain,
    stored,
    live,
    view: {
      host: connection,
      name: domain.name,
      uuid: domain.uuid,
      state: entry.paused ? 'paused' : entry.active ? 'running' : entry.saved ? 'saved' : 'shut off',
      vcpus: number(now.vcpus) ?? 0,
      memoryGiB: number(now.memoryGiB) ?? 0,
      addresses: guest?.addresses ?? [],
      ...(guest?.hostname !== undefined && { hostname: guest.hostname }),
      agent,
      autostart: entry.autostart,
      labels: labels ?? {},
      ...(owner !== undefined && { address: owner.address, lineage: owner.lineage }),
      pending: live === undefined ? [] : pendingPaths(live.spec, stored.spec, virtualMachine.keyedLists),
      unfinished: readProgress(root) !== undefined,
      rescue: inRescue(root),
    },
  }
}

function isGone(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'libvirt-no-domain'
}

function hasAgent(running: XmlElement | undefined): boolean {
  return findAll(find(running, 'devices'), 'channel').some(channel => {
    const target = find(channel, 'target')?.attributes
    return target?.name === 'org.qemu.guest_agent.0' && target.state === 'connected'
  })
}
