/**
 * What is on a host, whoever made it, as drafts of documents: pools, networks, volumes and machines, with what Foundry's and
 * infra's own metadata tell beyond the objects themselves. Nothing is changed.
 */
import { parse } from 'yaml'
import { InfraError } from '../../../model/error.js'
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { Kind } from '../../kind.js'
import type { Observation } from '../../provider.js'
import { ask, type Host } from '../connection.js'
import { gone, volumeReading } from '../inventory.js'
import { network as networkKind } from '../kinds/network.js'
import { storagePool } from '../kinds/storage-pool.js'
import { fields, objects, present, text } from '../kinds/values.js'
import { virtualMachine } from '../kinds/virtual-machine/index.js'
import { volume as volumeKind } from '../kinds/volume.js'
import { bootVolume, dataVolume, ignitionVolume, seedVolume } from '../names.js'
import { observeAll } from '../observe.js'
import { addressSources, domainXmlFlags, poolStates } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain, Volume } from '../rpc/types.js'
import { isTrash } from '../trash.js'
import { readDomain } from '../xml/domain-read.js'
import type { DiskReading } from '../xml/domain-read-disks.js'
import { parseXml } from '../xml/parse.js'
import { elements, find, textOf, type XmlElement } from '../xml/tree.js'

export interface Draft {
  readonly kind: Kind
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: Attributes
  /** What people should know of it. */
  readonly remarks: readonly string[]
  /** Another stack owns it. */
  readonly owned?: string
  /** The volume that a machine boots from, whatever others called it. */
  readonly boot?: Pick<Volume, 'pool' | 'name'>
}

export interface LeftOut {
  readonly kind: string
  readonly name: string
  readonly why: string
}

export interface Drafts {
  readonly drafts: readonly Draft[]
  /** What no document can describe. */
  readonly leftOut: readonly LeftOut[]
}

type Present = Extract<Observation, { status: 'present' }>

/** Drafts of all that is there, in the order in which stacks are read best. */
export async function draftHost(host: Host, signal: AbortSignal): Promise<Drafts> {
  const [pools, networks, domains] = await Promise.all([
    ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal),
    ask(host, procedures.connect.listNetworks, { needResults: 1, flags: 0 }, signal),
    ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal),
  ])
  const seen = await observeAll(
    host,
    [
      ...pools.map(one => ({ ...aim('StoragePool', one.name), identity: { uuid: one.uuid } })),
      ...networks.map(one => ({ ...aim('Network', one.name), identity: { uuid: one.uuid } })),
      ...domains.map(one => ({ ...aim('VirtualMachine', one.name), identity: { uuid: one.uuid } })),
    ],
    signal,
  )
  const machines = await Promise.all(domains.map(domain => draftMachine(host, domain, seen, signal)))
  const drafts = machines.flatMap(one => ('why' in one ? [] : [one]))
  const volumes = await draftVolumes(host, pools, drafts, signal)
  return {
    drafts: [
      ...pools.flatMap(one => plain(storagePool, one.name, seen)),
      ...networks.flatMap(one => plain(networkKind, one.name, seen)),
      ...volumes,
      ...drafts,
    ].sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : 0)),
    leftOut: machines.flatMap(one => ('why' in one ? [one] : [])),
  }
}

function aim(kind: string, name: string) {
  return { address: `${kind}/${name}`, kind, name, spec: {} }
}

function presentOf(seen: ReadonlyMap<string, Observation>, kind: string, name: string): Present | undefined {
  const found = seen.get(`${kind}/${name}`)
  return found?.status === 'present' ? found : undefined
}

function plain(kind: Kind, name: string, seen: ReadonlyMap<string, Observation>): Draft[] {
  const found = presentOf(seen, kind.kind, name)
  if (found === undefined) return []
  return [
    {
      kind,
      name,
      labels: {},
      spec: found.spec,
      remarks: found.remark === undefined ? [] : [found.remark],
      ...ownedBy(found),
    },
  ]
}

function ownedBy({ owner }: Present): { readonly owned?: string } {
  return owner === undefined ? {} : { owned: `${owner.address} of the stack with lineage ${owner.lineage}` }
}

async function draftMachine(
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
    const {
      ip,
      addresses: more,
      gateway,
      gateway6,
      dnsServers,
      searchDomains,
      dhcp,
      dhcp6,
      defaultRoute,
    } = declared
    return {
      spec: present(item, {
        ip,
        addresses: more,
        gateway,
        gateway6,
        dnsServers,
        searchDomains,
        dhcp,
        dhcp6,
        defaultRoute,
      }),
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

/** Volumes that are no machine's own: images, and disks that outlive their machines. */
async function draftVolumes(
  host: Host,
  pools: readonly { readonly name: string; readonly uuid: string }[],
  machines: readonly Draft[],
  signal: AbortSignal,
): Promise<readonly Draft[]> {
  const found = await Promise.all(
    pools.map(async pool => {
      const info = await ask(host, procedures.pools.info, { pool }, signal)
      if (info.state === poolStates.inactive) return []
      const all = await ask(host, procedures.pools.volumes, { pool, needResults: 1, flags: 0 }, signal)
      const own = new Set(machines.flatMap(machine => ownNames(machine, pool.name)))
      const strange = all.filter(one => !isTrash(one.name) && !own.has(one.name) && !isOverlay(one, own))
      return Promise.all(strange.map(one => readVolume(host, one, signal)))
    }),
  )
  return found.flat().filter(one => one !== undefined)
}

/** Of a machine's own disk, put there by a snapshot. */
function isOverlay({ name }: Volume, own: ReadonlySet<string>): boolean {
  const dot = name.indexOf('.')
  return dot > 0 && own.has(name.slice(0, dot))
}

function ownNames({ name, spec, boot }: Draft, pool: string): string[] {
  const referenced = new Set(objects(spec.dataDisks).flatMap(({ item }) => text(item.volume) ?? []))
  if (spec.storagePool !== pool) return []
  return [
    bootVolume(name),
    ...(boot?.pool === pool ? [boot.name] : []),
    seedVolume(name),
    `${seedVolume(name)}.iso`,
    ignitionVolume(name),
    `${name}_serial.log`,
    ...objects(spec.dataDisks).map(({ item }) => dataVolume(name, text(item.device) ?? '')),
  ].filter(volume => !referenced.has(`${pool}:${volume}`))
}

async function readVolume(host: Host, one: Volume, signal: AbortSignal): Promise<Draft | undefined> {
  const xml = await gone(ask(host, procedures.volumes.xml, { volume: one, flags: 0 }, signal))
  if (xml === undefined || parseXml(xml).attributes.type === 'dir') return undefined
  const reading = volumeReading(one, xml)
  const below = reading.backingPath
  const base =
    below === undefined
      ? undefined
      : await gone(ask(host, procedures.volumes.lookupByPath, { path: below }, signal))
  const name = one.name.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9_]+|[^A-Za-z0-9_]+$/g, '')
  return {
    kind: volumeKind,
    name: name === '' ? 'volume' : name,
    labels: {},
    spec: present({
      pool: one.pool,
      volume: one.name,
      size: reading.capacityBytes,
      format: reading.format === 'qcow2' ? 'qcow2' : 'raw',
      backing: base === undefined ? below : `${base.pool}:${base.name}`,
      backingFormat: below === undefined ? undefined : reading.backingFormat,
    }),
    remarks: [],
  }
}

/** The spec without what its kind fills in by itself: what a person would have written. */
export function minimalSpec(kind: Kind, name: string, spec: Attributes): Attributes {
  const meta = { name, labels: {}, annotations: {} }
  const canonical = (candidate: Attributes) => JSON.stringify(sorted(kind.canonical(candidate, meta)))
  const wanted = canonical(spec)
  const shrink = (whole: Attributes, path: readonly (string | number)[], value: Json): Attributes => {
    let here = whole
    if (path.length > 0 && !(typeof path.at(-1) === 'number')) {
      const without = withoutPath(here, path) as Attributes
      try {
        if (canonical(without) === wanted) return without
      } catch (error) {
        if (error instanceof InfraError) return here
        throw error
      }
    }
    if (isObject(value))
      for (const [key, inner] of Object.entries(value)) here = shrink(here, [...path, key], inner)
    else if (Array.isArray(value))
      (value as readonly Json[]).forEach((inner, index) => {
        here = shrink(here, [...path, index], inner)
      })
    return here
  }
  return shrink(spec, [], spec)
}

function withoutPath(value: Json, [head, ...rest]: readonly (string | number)[]): Json {
  if (typeof head === 'number' && Array.isArray(value))
    return (value as readonly Json[]).map((item, index) => (index === head ? withoutPath(item, rest) : item))
  if (!isObject(value) || head === undefined) return value
  if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([key]) => key !== head))
  return { ...value, [head]: withoutPath(value[head] ?? null, rest) }
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(key => [key, sorted(value[key] ?? null)]),
  )
}
