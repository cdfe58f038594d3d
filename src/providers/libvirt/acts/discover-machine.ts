/**
 * A machine as the draft of a document: what is observed, and what Foundry's and infra's own metadata tell beyond it.
 */
import { parse } from 'yaml'
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { Observation } from '../../provider.js'
import { ask, type Host } from '../connection.js'
import { fields, objects, present, text } from '../kinds/values.js'
import { virtualMachine } from '../kinds/virtual-machine/index.js'
import { addressSources, domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain, Volume } from '../rpc/types.js'
import { gone } from '../volume-reading.js'
import { readDomain } from '../xml/domain-read.js'
import type { DiskReading } from '../xml/domain-read-disks.js'
import { parseXml } from '../xml/parse.js'
import { elements, find, textOf, type XmlElement } from '../xml/tree.js'
import { type Draft, type LeftOut, ownedBy, type Present } from './draft.js'

/** The draft of a machine, or why no document can describe it. */
export async function draftMachine(
  host: Host,
  domain: Domain,
  seen: ReadonlyMap<string, Observation>,
  signal: AbortSignal,
): Promise<Draft | LeftOut> {
  const leftOut = (why: string): LeftOut => ({ kind: 'VirtualMachine', name: domain.name, why })
  const observation = seen.get(`VirtualMachine/${domain.name}`)
  if (observation?.status !== 'present')
    return leftOut(observation?.status === 'unreadable' ? observation.why : 'it is gone')
  if (observation.incomplete) return leftOut('it is made or deleted in part only')
  const root = parseXml(
    await ask(host, procedures.domains.xml, { domain, flags: domainXmlFlags.inactive }, signal),
  )
  const reading = readDomain(root)
  const known = knownDocument(root)
  const boot = reading.disks.find(disk => disk.role === 'boot')
  if (boot === undefined) return leftOut('it has no disk to boot from')
  const lies = await bootVolumeOf(host, boot, signal)
  const home = text(observation.spec.storagePool) ?? lies?.pool
  if (home === undefined || fields(observation.spec.bootDisk).sizeGB === undefined)
    return leftOut(`its boot disk is in no active storage pool: ${boot.reference ?? 'it has no file'}`)
  const image = text(fields(observation.spec.bootDisk).image)
  if (image?.startsWith('/'))
    return leftOut(`the image that its boot disk is based on is in no active storage pool: ${image}`)
  const addresses = await guestAddresses(host, domain, observation, signal)
  const interfaces = objects(observation.spec.networkInterfaces).map(({ item }) =>
    interfaceDraft(item, known.spec, addresses),
  )
  const hasSeed = reading.disks.some(disk => disk.role === 'seed')
  const own = reading.metadata.document !== undefined
  const remarks = [
    ...(observation.remark === undefined ? [] : [observation.remark]),
    ...(hasSeed && !own
      ? ['its first set-up was done by a seed that is not declared here: it is not repeated']
      : []),
    ...interfaces.flatMap(one => one.remarks),
  ]
  return {
    kind: virtualMachine,
    name: domain.name,
    labels: { ...known.labels, ...reading.metadata.labels },
    spec: present({
      ...(own ? unseen(known.spec) : waits(known.spec)),
      ...observation.spec,
      storagePool: home,
      networkInterfaces: interfaces.map(one => one.spec),
    }),
    remarks,
    ...(lies && { boot: lies }),
    ...ownedBy(observation),
  }
}

/** What no observation tells, from a document that infra itself kept: it says what is so. */
function unseen(document: Attributes): Attributes {
  const { cloudInit, ignition, ...rest } = document
  return {
    ...waits(rest),
    ...(cloudInit !== undefined && { cloudInit }),
    ...(ignition !== undefined && { ignition }),
  }
}

function waits({ readiness, updatePolicy, shutdownTimeoutSeconds }: Attributes): Attributes {
  return present({ readiness, updatePolicy, shutdownTimeoutSeconds })
}

interface Known {
  readonly spec: Attributes
  readonly labels: Readonly<Record<string, string>>
}

/** The document that the machine was made from: infra's own, or Foundry's, which kept it in the domain's metadata, too. */
function knownDocument(root: XmlElement): Known {
  const { metadata } = readDomain(root)
  if (metadata.document !== undefined) return { spec: metadata.document, labels: {} }
  const holder = find(root, 'metadata')
  for (const part of holder === undefined ? [] : elements(holder)) {
    for (const inner of [part, ...elements(part)]) {
      const found = foundryDocument(textOf(inner))
      if (found !== undefined) return found
    }
  }
  return { spec: {}, labels: {} }
}

/** Longer texts are no documents. */
const longestDocument = 1 << 18

function foundryDocument(content: string | undefined): Known | undefined {
  if (content === undefined || content.length > longestDocument || !content.includes('VirtualMachine'))
    return undefined
  let value: Json
  try {
    value = parse(content, { maxAliasCount: 0 }) as Json
  } catch {
    // what is kept there is no document
    return undefined
  }
  if (!isObject(value) || value.kind !== 'VirtualMachine' || !isObject(value.spec)) return undefined
  if (!virtualMachine.schema.safeParse(value.spec).success) return undefined
  const meta = fields(value.metadata)
  const labels = Object.entries(fields(meta.labels)).filter(
    (one): one is [string, string] => typeof one[1] === 'string',
  )
  const name = text(meta.name) ?? ''
  return {
    spec: virtualMachine.canonical(value.spec, { name, labels: {}, annotations: {} }),
    labels: Object.fromEntries(labels),
  }
}

/** What a document says of an interface's address, which libvirt does not know. */
const addressFields = [
  'ip',
  'addresses',
  'gateway',
  'gateway6',
  'dnsServers',
  'searchDomains',
  'dhcp',
  'dhcp6',
  'defaultRoute',
] as const

/** An interface's address as its document says it, as its MAC does, or as its agent tells. */
function interfaceDraft(
  item: Attributes,
  known: Attributes,
  addresses: ReadonlyMap<string, readonly string[]>,
): { readonly spec: Attributes; readonly remarks: readonly string[] } {
  const mac = text(item.mac) ?? ''
  const name = text(item.name) ?? ''
  const declared = objects(known.networkInterfaces).find(one => one.item.mac === mac)?.item
  if (declared !== undefined) {
    const said = Object.fromEntries(addressFields.map(field => [field, declared[field]]))
    return {
      spec: present(item, said),
      remarks: [],
    }
  }
  const octets = /^be:ef((?::[0-9a-f]{2}){4})$/.exec(mac)?.[1]
  if (octets === undefined) return { spec: { ...item, dhcp: true }, remarks: [] }
  const ip = octets
    .slice(1)
    .split(':')
    .map(part => Number.parseInt(part, 16))
    .join('.')
  const told = addresses.get(mac)?.find(address => address.startsWith(`${ip}/`))
  return {
    spec: { ...item, ip: told ?? `${ip}/24`, defaultRoute: false },
    remarks: [
      `the address of ${name} is as its MAC tells it${told === undefined ? ', the length of its prefix a guess' : ''}; its gateway is not known`,
    ],
  }
}

/** Addresses with prefixes by MAC, where an agent tells them. */
async function guestAddresses(
  host: Host,
  domain: Domain,
  seen: Present,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const hasName = seen.facts.hostname !== undefined
  if (seen.facts.state !== 'running' || !hasName) return new Map()
  const args = { domain, source: addressSources.agent, flags: 0 }
  // an agent that does not answer (any more) tells nothing: its addresses are a guess then, and said to be one
  const found = await host.client
    .call(procedures.domains.addresses, args, { signal, timeout: 6_000 })
    .catch(() => [])
  signal.throwIfAborted()
  return new Map(
    found.map(one => [
      one.mac?.toLowerCase() ?? '',
      one.addresses.map(entry => `${entry.address}/${entry.prefix}`),
    ]),
  )
}

async function bootVolumeOf(
  host: Host,
  { path, pool, volume }: DiskReading,
  signal: AbortSignal,
): Promise<Pick<Volume, 'pool' | 'name'> | undefined> {
  if (pool !== undefined && volume !== undefined) return { pool, name: volume }
  return path === undefined ? undefined : gone(ask(host, procedures.volumes.lookupByPath, { path }, signal))
}
