/** What a machine's definitions tell by themselves, before any volume is looked at. Pure. */
import type { Target } from '../provider.js'
import { type Guest, guestOf } from './addresses.js'
import { isChanging, type Progress, readProgress } from './progress.js'
import { type DomainReading, notRead, readDomain } from './xml/domain-read.js'
import type { DiskReading } from './xml/domain-read-disks.js'
import { parseXml } from './xml/parse.js'
import { find, findAll, type XmlElement } from './xml/tree.js'

/** XML, as libvirt wrote it. */
export interface DefinitionTexts {
  /** The persistent one. */
  readonly stored: string
  /** The running one, where it runs. */
  readonly running: string | undefined
}

export interface Definitions {
  readonly reading: DomainReading
  /** Of the running one. */
  readonly live: DomainReading | undefined
  readonly progress: Progress | undefined
  readonly changing: boolean
  readonly isOtherCpu: boolean
}

/** A disk by what it lies in. */
export type Drive = Pick<DiskReading, 'role' | 'device' | 'pool' | 'volume' | 'path' | 'reference'>

/** As much of the definitions as it takes to know what else must be asked. */
export interface Glance {
  /** The disks in use: those of the running one, and those that it has from its next start on. */
  readonly used: readonly Drive[]
  /** Its boot and data disks, stored and running, whose volumes tell the rest. */
  readonly drives: readonly Drive[]
  /** Where it runs. */
  readonly guest: Guest | undefined
}

/** All that the definitions tell: nothing holds on to their trees. */
export function readDefinitions(
  { stored: storedXml, running: runningXml }: DefinitionTexts,
  { name, spec: declared }: Pick<Target, 'name' | 'spec'>,
): { readonly definitions: Definitions; readonly glance: Glance } {
  const stored = parseXml(storedXml, notRead)
  const running = runningXml === undefined ? undefined : parseXml(runningXml, notRead)
  const reading = readDomain(stored, { declared, name })
  const live = running && readDomain(running, { declared, name, live: true })
  return {
    definitions: {
      reading,
      live,
      progress: readProgress(stored),
      changing: isChanging(stored),
      isOtherCpu: isOtherCpu(running, stored),
    },
    glance: {
      used: usedDisks(live?.disks ?? [], reading.disks),
      drives: [...reading.disks, ...(live?.disks ?? [])].filter(hasVolumes).map(drive),
      guest: live && guestOf(live, isAgentConnected(running)),
    },
  }
}

function hasVolumes({ role }: DiskReading): boolean {
  return role === 'boot' || role === 'data'
}

/** Disks of a running machine and of its stored definition, each once. */
export function usedDisks(running: readonly DiskReading[], stored: readonly DiskReading[]): readonly Drive[] {
  const keyOf = ({ device, reference }: DiskReading) => `${device} ${reference}`
  const known = new Set(running.map(keyOf))
  return [...running, ...stored.filter(disk => !known.has(keyOf(disk)))].map(drive)
}

function drive({ role, device, pool, volume, path, reference }: DiskReading): Drive {
  return { role, device, pool, volume, path, reference }
}

function isAgentConnected(running: XmlElement | undefined): boolean {
  return findAll(find(running, 'devices'), 'channel').some(channel => {
    const target = find(channel, 'target')?.attributes
    return target?.name === 'org.qemu.guest_agent.0' && target.state === 'connected'
  })
}

/** A running machine tells its mode of CPU as it is stored, but for the host's model, which it spells out. */
function isOtherCpu(running: XmlElement | undefined, stored: XmlElement): boolean {
  const [now, next] = [running, stored].map(root => find(root, 'cpu')?.attributes.mode)
  return now !== next && now !== undefined && next !== undefined && next !== 'host-model'
}
