/**
 * What a domain's XML says, in the words of a VirtualMachine's spec. It is read from the persistent XML; the XML of the
 * running domain is read the same way (`live`), to see what waits for a restart.
 */
import type { Attributes, Json } from '../../../model/value.js'
import { memoryGib } from '../kinds/units.js'
import { present, text } from '../kinds/values.js'
import { ignitionEntry } from './domain-platform.js'
import { type DiskReading, readDisks } from './domain-read-disks.js'
import { type InterfaceReading, readInterfaces } from './domain-read-interfaces.js'
import { type Metadata, readMetadata } from './metadata.js'
import type { PassedOver } from './parse.js'
import { bytesOf, find, findAll, integerOf, textOf, toInteger, type XmlElement } from './tree.js'

export interface ReadOptions {
  /** The spec it is compared with: what spellings and names to use where XML leaves a choice. The kept document by default. */
  readonly declared?: Attributes
  /** The XML is that of the running domain, in which libvirt has filled in and replaced much. */
  readonly live?: boolean
  /** What its own disks are named after, where somebody may have renamed the domain. The name in the XML by default. */
  readonly name?: string
}

export interface DomainReading {
  /** What its own disks are named after. */
  readonly name: string
  readonly uuid: string | undefined
  /** Only in the XML of a running domain. */
  readonly id: number | undefined
  readonly metadata: Metadata
  /**
   * What the XML tells of the spec. Sizes and images of disks, autostart and the power state are not in it; a disk is told by
   * its `volume`, as `POOL:VOLUME` or a path, even where the machine owns it: `observed` puts that right.
   */
  readonly spec: Attributes
  readonly disks: readonly DiskReading[]
  readonly interfaces: readonly InterfaceReading[]
  readonly serialLogPath: string | undefined
  /** The terminal of its console, on a running domain. */
  readonly consolePath: string | undefined
  /** `vnc://127.0.0.1:5900`, on a running domain with a display. */
  readonly display: string | undefined
  readonly ignitionPath: string | undefined
  /** Path of its UEFI variables. */
  readonly nvram: string | undefined
}

/** What `readDomain` has no use for: more than half of the XML of a machine, most of it controllers. */
export const notRead: PassedOver = new Map([
  ['domain', new Set(['clock', 'pm', 'resource', 'seclabel'])],
  [
    'devices',
    new Set([
      'audio',
      'controller',
      'hub',
      'input',
      'memballoon',
      'redirdev',
      'rng',
      'sound',
      'video',
      'watchdog',
    ]),
  ],
  ['disk', new Set(['address', 'alias'])],
  ['interface', new Set(['address', 'alias'])],
  ['channel', new Set(['address', 'alias'])],
])

/** What the XML does not tell is left out, never guessed. */
export function readDomain(root: XmlElement, options: ReadOptions = {}): DomainReading {
  const metadata = readMetadata(root)
  const declared = options.declared ?? metadata.document ?? {}
  const name = options.name ?? textOf(find(root, 'name')) ?? ''
  const devices = find(root, 'devices')
  const disks = readDisks(root, name)
  const interfaces = readInterfaces(root, declared, metadata)
  const serialLogPath = find(findAll(devices, 'serial')[0], 'log')?.attributes.file
  const entries = findAll(find(root, 'sysinfo'), 'entry')
  const loader = find(root, 'os', 'loader')
  return {
    name,
    uuid: textOf(find(root, 'uuid')),
    id: toInteger(root.attributes.id),
    metadata,
    spec: joined(
      platform(root, declared, options.live === true),
      devicesSpec(devices, declared, serialLogPath),
      {
        bootDisk: disks.find(disk => disk.role === 'boot')?.spec,
        dataDisks: disks.filter(disk => disk.role === 'data').map(disk => disk.spec),
        networkInterfaces: interfaces.map(item => item.spec),
        installIso: disks.find(disk => disk.role === 'install')?.reference,
        fwCfg: entries.filter(entry => entry.attributes.name !== ignitionEntry).map(fwCfgEntry),
        bootOrder: declared.bootOrder === undefined ? undefined : readBootOrder(disks, interfaces),
        storagePool: disks.find(disk => disk.role === 'boot')?.pool,
      },
    ),
    disks,
    interfaces,
    serialLogPath,
    consolePath: find(devices, 'console')?.attributes.tty,
    display: display(find(devices, 'graphics')),
    ignitionPath: entries.find(entry => entry.attributes.name === ignitionEntry)?.attributes.file,
    nvram:
      textOf(find(root, 'os', 'nvram')) ??
      (loader === undefined ? undefined : find(root, 'os', 'nvram', 'source')?.attributes.file),
  }
}

function platform(
  root: XmlElement,
  declared: Attributes,
  live: boolean,
): { [key: string]: Json | undefined } {
  const memory = bytesOf(find(root, 'memory'), 'KiB')
  const current = bytesOf(find(root, 'currentMemory'), 'KiB') ?? memory
  const vcpu = find(root, 'vcpu')
  const maximum = integerOf(vcpu)
  const tcg = find(root, 'features', 'tcg', 'tb-cache')
  const cache = bytesOf(tcg, 'KiB')
  const basics = {
    title: textOf(find(root, 'title')),
    description: textOf(find(root, 'description')),
    virtualization: root.attributes.type,
    vcpus: toInteger(vcpu?.attributes.current) ?? maximum,
    maxVcpus: maximum,
    memoryGiB: current === undefined ? undefined : memoryGib(current / 1024),
    maxMemoryGiB: memory === undefined ? undefined : memoryGib(memory / 1024),
  }
  return joined(basics, live ? {} : cpuModel(root), firmware(root, declared), {
    cpuTopology: topology(root),
    numa: numa(root),
    machine: machine(find(root, 'os', 'type')?.attributes.machine, text(declared.machine)),
    tcgCacheMiB: cache === undefined ? undefined : cache / 2 ** 20,
  })
}

/** Parts of a spec in one. Not a literal that spreads them, for which V8 takes longer than for all the reading. */
function joined(...parts: readonly { readonly [key: string]: Json | undefined }[]): Attributes {
  return present(Object.assign({}, ...parts))
}

/** Only in the persistent XML: a running domain's is expanded to a model and its flags. */
function cpuModel(root: XmlElement): { [key: string]: Json | undefined } {
  const cpu = find(root, 'cpu')
  const mode = cpu?.attributes.mode ?? 'custom'
  const features = findAll(cpu, 'feature').map(feature =>
    present({ name: feature.attributes.name, policy: feature.attributes.policy }),
  )
  return {
    cpuMode: mode,
    cpuModel: mode === 'custom' ? textOf(find(cpu, 'model')) : undefined,
    cpuFeatures:
      features.length === 0
        ? undefined
        : [...features].sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1)),
  }
}

function topology(root: XmlElement): Json | undefined {
  const found = find(root, 'cpu', 'topology')?.attributes
  if (found === undefined) return undefined
  return present({
    sockets: toInteger(found.sockets),
    cores: toInteger(found.cores),
    threads: toInteger(found.threads),
  })
}

function numa(root: XmlElement): Json | undefined {
  const cells = findAll(find(root, 'cpu', 'numa'), 'cell')
  const host = find(root, 'numatune', 'memory')?.attributes
  if (cells.length === 0) return undefined
  return present({
    cells: cells.map(cell => {
      const bytes = bytesOf({ ...cell, children: [cell.attributes.memory ?? ''] }, 'KiB')
      return present({
        cpus: cell.attributes.cpus,
        memoryGiB: bytes === undefined ? undefined : memoryGib(bytes / 1024),
      })
    }),
    hostNodes: host?.nodeset,
    mode: host?.mode ?? 'strict',
  })
}

function firmware(root: XmlElement, declared: Attributes): { [key: string]: Json | undefined } {
  const os = find(root, 'os')
  const loader = find(os, 'loader')
  const uefi = os?.attributes.firmware === 'efi' || loader?.attributes.type === 'pflash'
  const secureFeature = findAll(find(os, 'firmware'), 'feature').find(
    feature => feature.attributes.name === 'secure-boot',
  )
  const secure =
    secureFeature?.attributes.enabled === 'yes' ||
    (secureFeature === undefined && loader?.attributes.secure === 'yes')
  // Without a path of the document's own, which firmware libvirt chose is its affair.
  const chosen = os?.attributes.firmware === 'efi' || declared.firmwareLoader === undefined
  return {
    firmware: uefi ? 'uefi' : 'bios',
    firmwareLoader: chosen ? undefined : textOf(loader),
    secureBoot: uefi && secure,
  }
}

/** libvirt writes down the version that `q35` meant: the same to one who asked for `q35`. */
function machine(real: string | undefined, declared: string | undefined): string | undefined {
  if (real === undefined) return undefined
  const family = /^pc-(q35|i440fx)-/.exec(real)?.[1]
  const alias = family === 'q35' ? 'q35' : family === 'i440fx' ? 'pc' : real
  return declared === undefined || declared === alias ? alias : real
}

function devicesSpec(
  devices: XmlElement | undefined,
  declared: Attributes,
  serialLogPath: string | undefined,
): { [key: string]: Json | undefined } {
  const shares = findAll(devices, 'filesystem').filter(
    share => find(share, 'driver')?.attributes.type === 'virtiofs',
  )
  const wantsPath = typeof declared.serialLog === 'string'
  return {
    tpm: find(devices, 'tpm') !== undefined,
    graphics: graphics(find(devices, 'graphics')),
    shares: shares.map(share =>
      present({ tag: find(share, 'target')?.attributes.dir, source: find(share, 'source')?.attributes.dir }),
    ),
    serialLog: serialLogPath === undefined ? false : wantsPath ? serialLogPath : true,
  }
}

function graphics(found: XmlElement | undefined): Json {
  const type = found?.attributes.type
  if (found === undefined || (type !== 'vnc' && type !== 'spice')) return { type: 'none' }
  const port = toInteger(found.attributes.port)
  return present({
    type,
    listen: find(found, 'listen')?.attributes.address ?? found.attributes.listen,
    port: found.attributes.autoport === 'yes' || port === undefined || port < 0 ? undefined : port,
    // Only where libvirt was asked for secrets; else it leaves the attribute out.
    password: found.attributes.passwd,
  })
}

function display(found: XmlElement | undefined): string | undefined {
  const port = toInteger(found?.attributes.port)
  if (found === undefined || port === undefined || port < 0) return undefined
  const address = find(found, 'listen')?.attributes.address ?? found.attributes.listen ?? '127.0.0.1'
  return `${found.attributes.type}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

function fwCfgEntry(entry: XmlElement): Attributes {
  const file = entry.attributes.file
  const value = entry.children.filter(child => typeof child === 'string').join('')
  return present({ name: entry.attributes.name, ...(file === undefined ? { value } : { file }) })
}

function readBootOrder(disks: readonly DiskReading[], interfaces: readonly InterfaceReading[]): Json {
  const places = [
    ...disks.map(disk => ({ name: disk.role === 'install' ? 'cdrom' : disk.device, order: disk.bootOrder })),
    ...interfaces.map(item => ({ name: text(item.spec.name) ?? item.mac, order: item.bootOrder })),
  ]
  return places
    .filter((place): place is { name: string; order: number } => place.order !== undefined)
    .sort((a, b) => a.order - b.order)
    .map(place => place.name)
}
