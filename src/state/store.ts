/** The state store: one document, whole, verified on read, with its generations. */
import type { FileSystem } from '../model/ports.js'
import type { StateDocument } from './document.js'

export interface Store {
  /** The document, verified; undefined where none was ever written. A broken one is an error, never undefined. */
  read(): Promise<StateDocument | undefined>
  /**
   * Writes the next document: its serial is the stored one's plus one (1 where there is none), its lineage the same. The
   * stored one becomes a generation. `pin` names the serial of a generation that is not to be pruned: the base of an open journal.
   */
  write(next: StateDocument, options?: { readonly pin?: number }): Promise<void>
  /** Serials of the generations kept, newest first; the stored document is not among them. */
  generations(): Promise<readonly number[]>
  /** One generation, or the stored document itself where it has that serial; verified. */
  generation(serial: number): Promise<StateDocument>
  /** Makes a generation the state again, under a new serial; what was there is kept aside. */
  restore(serial: number): Promise<StateDocument>
}

export declare function openStore(
  files: FileSystem,
  folder: string,
  options?: { readonly keep?: number },
): Store
