/** What the delete of a machine keeps, to bring back the very same one: definition, disks, UEFI variables, snapshots. */
import type { Json } from '../../model/value.js'
import { isObject } from '../../model/value.js'
import type { KeptVolume } from './trash.js'

export interface MachineToken {
  readonly kind: 'VirtualMachine'
  readonly name: string
  readonly uuid: string
  /** The persistent definition, secrets included. */
  readonly xml: string
  readonly autostart: boolean
  readonly running: boolean
  readonly volumes: readonly KeptVolume[]
  /** UEFI variables: where they belong, and the volume of the pool that holds them meanwhile. */
  readonly nvram?: {
    readonly path: string
    readonly pool: string
    readonly volume: string
    /** The volume's own file, where the pool is a folder. */
    readonly file?: string
  }
  readonly tpm: boolean
  /** Definitions of its snapshots; those that are inside its disks come back with them. */
  readonly snapshots: readonly string[]
}

/** A token came from this provider by way of the journal. */
export function isMachineToken(token: Json | undefined): token is Json & MachineToken {
  return isObject(token) && token.kind === 'VirtualMachine' && typeof token.xml === 'string'
}
