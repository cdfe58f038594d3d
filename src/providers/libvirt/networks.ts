/** Making, changing and removing networks. */
import { InfraError } from '../../model/error.js'
import { type Attributes, sameValue } from '../../model/value.js'
import type { Call, CreateRequest, DeleteRequest, UpdateRequest } from '../provider.js'
import { ask, findNetwork, type Host, orAbsent } from './connection.js'
import { fields, objects } from './kinds/values.js'
import { affect, inactiveXml, networkSections, networkUpdates } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Network } from './rpc/types.js'
import { readMetadata } from './xml/metadata.js'
import { buildNetwork, dhcpHostElement, dhcpRangeElement, dnsHostElement } from './xml/network.js'
import { parseXml } from './xml/parse.js'
import { serializeXml } from './xml/serialize.js'
import type { XmlElement } from './xml/tree.js'

/** Defines and starts it, or finishes one that was cut off. Fails with `exists` where another has its name. */
export async function createNetwork(host: Host, request: CreateRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  const there = await findNetwork(host, { name: request.name, uuid }, signal)
  if (there !== undefined && there.uuid !== uuid) throw exists(request)
  const network = there ?? (await define(host, request, uuid, signal))
  await run(host, network, request.spec, signal)
}

/** Hosts and ranges are changed while it runs; the rest is stored, and counts from its next start. */
export async function updateNetwork(host: Host, request: UpdateRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  const network = await findNetwork(host, { name: request.name, uuid }, signal)
  if (network === undefined) throw gone(request)
  const active = await ask(host, procedures.networks.isActive, { network }, signal)
  if (active) await updateLive(host, network, request, signal)
  await define(host, { ...request, name: network.name }, network.uuid, signal)
  if (active && request.restart && request.changes.some(change => change.how === 'restart')) {
    await ask(host, procedures.networks.stop, { network }, signal)
  }
  await run(host, network, request.spec, signal)
}

/** Stops and undefines it; what is gone already is no error. Fails with `not-owned` where it belongs to another stack. */
export async function deleteNetwork(host: Host, request: DeleteRequest, { signal }: Call): Promise<void> {
  const { uuid } = request.identity
  const network = await findNetwork(host, { name: request.name, uuid }, signal)
  if (network === undefined || (uuid !== undefined && network.uuid !== uuid)) return
  const xml = await ask(host, procedures.networks.xml, { network, flags: inactiveXml }, signal)
  const { owner } = readMetadata(parseXml(xml))
  if (
    owner !== undefined &&
    (owner.lineage !== request.owner.lineage || owner.address !== request.owner.address)
  ) {
    throw new InfraError({
      kind: 'operation',
      code: 'not-owned',
      message: `The network ${request.name} is not infra's to delete`,
      why: `It belongs to ${owner.address} of another stack`,
    })
  }
  if (await ask(host, procedures.networks.isActive, { network }, signal)) {
    // Cut off once it is stopped, it would look as it did: so something declared is changed first, which the way back mends.
    if (await ask(host, procedures.networks.isPersistent, { network }, signal)) {
      const autostart = request.spec.autostart === false
      await ask(host, procedures.networks.setAutostart, { network, autostart }, signal)
    }
    await ask(host, procedures.networks.stop, { network }, signal)
  }
  await orAbsent(ask(host, procedures.networks.undefine, { network }, signal), 'NO_NETWORK')
}

async function define(
  host: Host,
  request: Pick<CreateRequest, 'name' | 'spec' | 'owner' | 'labels'>,
  uuid: string | undefined,
  signal: AbortSignal,
): Promise<Network> {
  const { name, spec, owner, labels } = request
  const root = buildNetwork({ name, spec, metadata: { owner, labels }, ...(uuid !== undefined && { uuid }) })
  return ask(host, procedures.networks.define, { xml: serializeXml(root) }, signal)
}

async function run(host: Host, network: Network, spec: Attributes, signal: AbortSignal): Promise<void> {
  const { isActive, start, setAutostart } = procedures.networks
  if (!(await ask(host, isActive, { network }, signal))) await ask(host, start, { network }, signal)
  await ask(host, setAutostart, { network, autostart: spec.autostart !== false }, signal)
}

interface Section {
  readonly number: number
  readonly items: (spec: Attributes) => readonly Attributes[]
  readonly build: (item: Attributes) => XmlElement
}

const sections: readonly Section[] = [
  {
    number: networkSections.dhcpRange,
    items: spec => objects(fields(spec.dhcp).ranges).map(({ item }) => item),
    build: dhcpRangeElement,
  },
  {
    number: networkSections.dhcpHost,
    items: spec => objects(fields(spec.dhcp).hosts).map(({ item }) => item),
    build: dhcpHostElement,
  },
  {
    number: networkSections.dnsHost,
    items: spec => objects(fields(spec.dns).hosts).map(({ item }) => item),
    build: dnsHostElement,
  },
]

/** What is no longer wanted is taken away first: an address may go from one host to another. */
async function updateLive(
  host: Host,
  network: Network,
  request: UpdateRequest,
  signal: AbortSignal,
): Promise<void> {
  const restarts = request.restart && request.changes.some(change => change.how === 'restart')
  if (restarts) return
  for (const section of sections) {
    const [from, to] = [section.items(request.from), section.items(request.spec)]
    const left = from.filter(item => !to.some(other => sameValue(item, other)))
    const added = to.filter(item => !from.some(other => sameValue(item, other)))
    for (const [command, items] of [
      [networkUpdates.delete, left],
      [networkUpdates.add, added],
    ] as const) {
      for (const item of items) {
        const args = {
          network,
          command,
          section: section.number,
          parentIndex: -1,
          xml: serializeXml(section.build(item)),
          flags: affect.live,
        }
        await ask(host, procedures.networks.update, args, signal)
      }
    }
  }
}

function exists(request: CreateRequest): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'exists',
    message: `There is a network ${request.name} already`,
    hint: `Choose another name, or take it over: infra import ${request.address} ${request.name}`,
  })
}

function gone(request: UpdateRequest): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'absent',
    message: `The network ${request.name} has gone`,
    hint: 'Plan again',
  })
}
