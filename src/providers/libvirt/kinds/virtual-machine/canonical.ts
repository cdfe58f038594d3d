/** Defaults filled in and spellings made one, so that equal meaning is equal data. */
import type { Attributes, Json } from '../../../../model/value.js'
import type { KindMeta } from '../../../kind.js'
import { defaultImagePool, defaultVmPool, macOfIpv4, macOfName, tapOfIpv4, tapOfName } from '../../names.js'
import { canonicalAddress, canonicalCidr } from '../ip.js'
import { diskBytes, diskGib, memoryGib, memoryKib } from '../units.js'
import {
  fields,
  list,
  mapNumber,
  mapObjects,
  mapText,
  objects,
  present,
  text,
  volumeReference,
} from '../values.js'

/** The name of the domain: Foundry lower-cases it. */
export function domainName(meta: Pick<KindMeta, 'name'>): string {
  return meta.name.toLowerCase()
}

/** A VirtualMachine’s spec in its one form; defaults and names are Foundry’s where it has them. */
export function canonicalMachine(spec: Attributes, meta: KindMeta): Attributes {
  const name = domainName(meta)
  const storagePool = spec.storagePool ?? defaultVmPool
  const imagePool = spec.imagePool ?? defaultImagePool
  const memoryGiB = mapNumber(spec.memoryGiB, memory)
  const poolOfDisks = text(storagePool)
  const poolOfImages = text(imagePool)
  const image = fields(spec.bootDisk).image
  // Once the image says its pool itself, where it was looked up means nothing any more.
  const pinned =
    poolOfImages !== undefined &&
    (typeof image === 'string' || image === undefined) &&
    canPin(spec.installIso)
  const networkInterfaces = canonicalInterfaces(spec.networkInterfaces, name)
  return present(spec, {
    maxVcpus: spec.maxVcpus ?? spec.vcpus,
    memoryGiB,
    maxMemoryGiB: mapNumber(spec.maxMemoryGiB, memory) ?? memoryGiB,
    bootDisk: canonicalBootDisk(spec.bootDisk, poolOfImages),
    dataDisks: sorted(mapObjects(spec.dataDisks ?? [], disk => dataDisk(disk, poolOfDisks))),
    networkInterfaces: mapObjects(networkInterfaces, item =>
      typeof item.pxeBoot === 'boolean' ? present({ ...item, pxeBoot: undefined }) : item,
    ),
    bootOrder: spec.bootOrder ?? networkFirst(networkInterfaces),
    cloudInit: mapFields(spec.cloudInit, cloudInit),
    ignition: mapFields(spec.ignition, ignition),
    cpuMode: spec.cpuMode ?? 'host-model',
    cpuFeatures: byName(spec.cpuFeatures),
    numa: mapFields(spec.numa, numa => ({
      ...numa,
      cells: mapObjects(numa.cells, cell => present(cell, { memoryGiB: mapNumber(cell.memoryGiB, memory) })),
      mode: numa.mode ?? 'strict',
    })),
    autostart: spec.autostart ?? true,
    powerState: spec.powerState ?? 'running',
    storagePool,
    imagePool: pinned ? undefined : imagePool,
    virtualization: spec.virtualization ?? 'kvm',
    machine: spec.machine ?? 'q35',
    firmware: spec.firmware ?? 'uefi',
    secureBoot: spec.secureBoot ?? false,
    tpm: spec.tpm ?? false,
    graphics: mapFields(spec.graphics ?? { type: 'none' }, graphics => ({
      ...graphics,
      listen: graphics.listen ?? (graphics.type === 'none' ? undefined : '127.0.0.1'),
    })),
    installIso: mapText(spec.installIso, iso =>
      poolOfImages === undefined ? iso : volumeReference(iso, poolOfImages),
    ),
    fwCfg: spec.fwCfg ?? [],
    shares: spec.shares ?? [],
    serialLog: spec.serialLog ?? true,
    readiness: mapFields(spec.readiness ?? { until: 'running' }, readiness => ({
      ...readiness,
      timeoutSeconds: readiness.timeoutSeconds ?? 300,
    })),
    updatePolicy: spec.updatePolicy ?? { restart: 'never' },
  })
}

/** Foundry's way to say it: an interface, and then the boot disk. */
function networkFirst(interfaces: Json | undefined): Json | undefined {
  const first = objects(interfaces).find(({ item }) => item.pxeBoot === true)?.item.name
  return first === undefined ? undefined : [first, 'vda']
}

function memory(gibibytes: number): number {
  return memoryGib(memoryKib(gibibytes))
}

function disk(gibibytes: number): number {
  return diskGib(diskBytes(gibibytes))
}

function canPin(installIso: Json | undefined): boolean {
  return installIso === undefined || installIso === null || typeof installIso === 'string'
}

/** A boot disk in its one form: its image as `POOL:VOLUME` as soon as the pool is known. */
export function canonicalBootDisk(value: Json | undefined, imagePool: string | undefined): Json | undefined {
  return mapFields(value, boot => {
    const pool = text(boot.imagePool) ?? (boot.imagePool === undefined ? imagePool : undefined)
    const pinned = pool !== undefined && (typeof boot.image === 'string' || boot.image === undefined)
    return {
      ...boot,
      sizeGB: mapNumber(boot.sizeGB, disk),
      image: mapText(boot.image, image => (pool === undefined ? image : volumeReference(image, pool))),
      imagePool: pinned ? undefined : boot.imagePool,
      format: boot.format === 'qcow2' ? undefined : boot.format,
      empty: boot.empty === false ? undefined : boot.empty,
      cache: boot.cache ?? 'none',
    }
  })
}

function dataDisk(spec: Attributes, pool: string | undefined): Attributes {
  const owned = spec.volume === undefined && spec.source === undefined
  return present(spec, {
    sizeGB: mapNumber(spec.sizeGB, disk),
    volume: mapText(spec.volume, volume => (pool === undefined ? volume : volumeReference(volume, pool))),
    format: spec.format ?? (owned ? 'qcow2' : undefined),
    readOnly: spec.readOnly ?? false,
  })
}

/** The order of CPU flags means nothing. */
function byName(features: Json | undefined): Json | undefined {
  if (!Array.isArray(features)) return features
  const key = (item: Json): string => text(fields(item).name) ?? ''
  return [...list(features)].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

/** vdb before vdc before vdaa: the order in a document means nothing. */
function sorted(disks: Json | undefined): Json | undefined {
  if (!Array.isArray(disks)) return disks
  const rank = (value: Json): string => {
    const device = text(fields(value).device) ?? '~'
    return `${String(device.length).padStart(3, '0')}${device}`
  }
  return [...(disks as readonly Json[])].sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0))
}

/** The interfaces of the machine of this name, with the names, MAC addresses and taps that follow from the rest. */
export function canonicalInterfaces(value: Json | undefined, machine: string): Json | undefined {
  const taken = new Set(objects(value).map(({ item }) => item.name))
  return mapObjects(value, (item, index) => networkInterface(item, index, machine, taken))
}

function networkInterface(
  item: Attributes,
  index: number,
  machine: string,
  taken: Set<Json | undefined>,
): Attributes {
  const name = item.name ?? freeName(index, taken)
  const ip = mapText(item.ip, canonicalCidr)
  const known = typeof name === 'string' && (ip === undefined || typeof ip === 'string')
  const address = text(ip) ?? ''
  const mac = () => (known ? (macOfIpv4(address) ?? macOfName(machine, name)) : undefined)
  const tap = () => (known ? (tapOfIpv4(address) ?? tapOfName(machine, name)) : undefined)
  return present(item, {
    name,
    ip,
    addresses: Array.isArray(item.addresses) ? mapList(item.addresses, canonicalCidr) : item.addresses,
    gateway: mapText(item.gateway, canonicalAddress),
    gateway6: mapText(item.gateway6, canonicalAddress),
    dnsServers: mapList(item.dnsServers ?? [], canonicalAddress),
    dhcp: item.dhcp ?? false,
    dhcp6: item.dhcp6 ?? false,
    defaultRoute: item.defaultRoute ?? index === 0,
    ethernet: item.ethernet === false ? undefined : item.ethernet,
    mac: mapText(item.mac, value => value.toLowerCase()) ?? mac(),
    tap: item.tap ?? tap(),
    model: item.model ?? 'virtio',
    link: item.link ?? 'up',
  })
}

function freeName(index: number, taken: Set<Json | undefined>): string {
  let number = index
  while (taken.has(`eth${number}`)) number++
  taken.add(`eth${number}`)
  return `eth${number}`
}

function cloudInit({ sshPasswordAuth, ...spec }: Attributes): { readonly [key: string]: Json | undefined } {
  return {
    ...spec,
    fqdn: mapText(spec.fqdn, canonicalFqdn),
    sshAuthorizedKeys: mapList(spec.sshAuthorizedKeys ?? [], key => key.trim() || key),
    sshPwauth: spec.sshPwauth ?? sshPasswordAuth ?? false,
    bus: spec.bus ?? 'sata',
  }
}

function ignition(spec: Attributes): { readonly [key: string]: Json | undefined } {
  return {
    ...spec,
    fqdn: mapText(spec.fqdn, canonicalFqdn),
    user: spec.user ?? 'core',
    sshAuthorizedKeys: mapList(spec.sshAuthorizedKeys ?? [], key => key.trim() || key),
  }
}

/** In lower case and without the dot of the root. */
function canonicalFqdn(fqdn: string): string {
  return (
    fqdn
      .trim()
      .toLowerCase()
      .replace(/[.\s]+$/, '') || fqdn
  )
}

function mapList(value: Json, change: (text: string) => Json): Json {
  return Array.isArray(value) ? list(value).map(item => mapText(item, change) ?? null) : value
}

function mapFields(
  value: Json | undefined,
  change: (spec: Attributes) => { readonly [key: string]: Json | undefined },
): Json | undefined {
  if (value === undefined || value === null) return undefined
  const spec = fields(value)
  return spec === value ? present(change(spec)) : value
}
