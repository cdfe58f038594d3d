/** Acts on machines as a journal tells them. */
import { isObject, type Json } from '../../../model/value.js'
import type { Machine } from './machines.js'

/** What every act says of itself; what else it needs to be settled by is its verb's own. Plain data. */
export interface MachineAct {
  readonly verb: string
  readonly name: string
  /** Absent of what is no machine, such as an image. */
  readonly uuid?: string
}

/** Where an act is written down. */
export interface ActJournal<A extends object = MachineAct> {
  /**
   * Makes the act durable, before anything is done for it. It is of the machine's own connection and of its owner's address,
   * unless told otherwise. Said again, it tells how far the same act has come, and takes the place of what was said before.
   */
  begin(act: A, of?: { readonly address?: string; readonly connection?: string }): Promise<void>
  /** Its end is known, whatever error follows: it is done, or everything is as it was before. A second time it does nothing. */
  ended(): void
}

/** Of an act without a stack, which has no journal. */
export const unjournaled: ActJournal = { begin: async () => undefined, ended: () => undefined }

/** Whom an act is about. */
export function identityOf({ view }: Machine): { readonly name: string; readonly uuid: string } {
  return { name: view.name, uuid: view.uuid }
}

/** A volume as records tell it. */
export interface VolumeName {
  readonly pool: string
  readonly name: string
}

/** Whether a part of a record is a list of volumes. */
export function areVolumes(value: Json | undefined): boolean {
  return (
    Array.isArray(value) &&
    value.every(one => isObject(one) && typeof one.pool === 'string' && typeof one.name === 'string')
  )
}
