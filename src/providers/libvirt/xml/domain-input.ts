/** What a domain's XML is made from: a canonical spec and what only the provider can know. */
import type { Attributes } from '../../../model/value.js'
import type { Metadata } from './metadata.js'

export interface DomainInput {
  /** The domain's name. */
  readonly name: string
  /** Chosen before it is made, so that it is found again. */
  readonly uuid?: string
  /** Canonical, with every value resolved. */
  readonly spec: Attributes
  readonly metadata?: Metadata
  /** File on the host for what the serial console says; none is written where absent. */
  readonly serialLogPath?: string
  /** File on the host with the Ignition configuration. */
  readonly ignitionPath?: string
  /** UUID of libvirt's secret for a Ceph user, by the disk's device. */
  readonly rbdSecrets?: Readonly<Record<string, string>>
  /** Formats of volumes that libvirt told, by `POOL:VOLUME`. What is missing is qcow2, and raw where its name ends so. */
  readonly formats?: Readonly<Record<string, string>>
  /** `x86_64` by default. */
  readonly arch?: string
}

/** Format of a volume as the machine will be told. */
export function volumeFormat(input: DomainInput, pool: string, volume: string): string {
  return input.formats?.[`${pool}:${volume}`] ?? (/\.(raw|img|iso)$/.test(volume) ? 'raw' : 'qcow2')
}
