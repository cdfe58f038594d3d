/** Outcomes into the document: a whole batch at once, as each draft of the resources copies their whole map. */
import { enablePatches, Immer } from 'immer'
import type { Address } from '../model/address.js'
import { type Json, sameValue } from '../model/value.js'
import type { OutputRecord, ResourceRecord, StateDocument } from './document.js'

/** One change of a document, as immer has it. Values are whole records and outputs, never parts of them. */
export interface StatePatch {
  readonly op: 'replace' | 'remove' | 'add'
  readonly path: readonly (string | number)[]
  readonly value?: Json
}

export interface Fold {
  readonly document: StateDocument
  /** Patches that turn it into the document before, serial included. */
  readonly back: readonly StatePatch[]
}

enablePatches()
/** Of our own, so that no other user of the library is told what to freeze; documents are read-only by their types. */
const immer = new Immer({ autoFreeze: false })

/** The document with all outcomes put in under this serial, and the way back. The record null takes its resource out. */
export function fold(
  base: StateDocument,
  outcomes: ReadonlyMap<Address, ResourceRecord | null>,
  next: { readonly serial: number; readonly outputs?: StateDocument['outputs'] },
): Fold {
  const [document, , back] = immer.produceWithPatches(base, (draft: Draft) => {
    draft.serial = next.serial
    for (const [address, record] of outcomes) {
      if (record) draft.resources[address] = record
      else delete draft.resources[address]
    }
    if (next.outputs) foldOutputs(draft, base.outputs, next.outputs)
  })
  return { document, back: back as readonly StatePatch[] }
}

/** The document with patches put on, in their order. */
export function patch(document: StateDocument, patches: readonly StatePatch[]): StateDocument {
  return immer.applyPatches(document, patches as Parameters<typeof immer.applyPatches>[1])
}

function foldOutputs(draft: Draft, before: StateDocument['outputs'], after: StateDocument['outputs']): void {
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) delete draft.outputs[name]
  for (const [name, output] of Object.entries(after)) {
    const old = before[name]
    if (old?.sensitive === output.sensitive && sameValue(old.value, output.value)) continue
    draft.outputs[name] = output
  }
}

interface Draft {
  serial: number
  readonly outputs: Record<string, OutputRecord>
  readonly resources: Record<Address, ResourceRecord>
}

/** What differs between the records of two states: the new record of each address, or null where it is gone. */
export function changedRecords(
  base: Readonly<Record<Address, ResourceRecord>>,
  records: Readonly<Record<Address, ResourceRecord>>,
): Map<Address, ResourceRecord | null> {
  const outcomes = new Map<Address, ResourceRecord | null>()
  for (const [address, record] of Object.entries(records))
    if (base[address] !== record) outcomes.set(address, record)
  for (const address of Object.keys(base)) if (!records[address]) outcomes.set(address, null)
  return outcomes
}
