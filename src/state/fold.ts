import type { Address } from '../model/address.js'
import type { Checkpoint } from '../apply/record.js'
import type { OutputRecord, ResourceRecord, StateDocument } from './document.js'

export interface Fold {
  readonly document: StateDocument
  /** Patches that turn it into the document before. */
  readonly back: Checkpoint['back']
}

/** The document with all outcomes put in, in one go, under this serial; and the way back. */
export declare function fold(
  base: StateDocument,
  outcomes: ReadonlyMap<Address, ResourceRecord | null>,
  next: { readonly serial: number; readonly outputs?: Readonly<Record<string, OutputRecord>> },
): Fold
