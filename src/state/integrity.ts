/** What must hold of every state document, checked after each read and before each write. By hand: 10,000 records in 10 ms. */
import { parseAddress } from '../model/address.js'
import type { ResourceRecord, StateDocument } from './document.js'

const texts = ['address', 'kind', 'name', 'connection'] as const
const objects = [
  'labels',
  'annotations',
  'lifecycle',
  'spec',
  'source',
  'identity',
  'facts',
] as const satisfies readonly (keyof ResourceRecord)[]
const lists = ['sensitive', 'dependencies'] as const

/** Why the document cannot be trusted, or undefined where it can. */
export function integrityFault(document: StateDocument): string | undefined {
  const { lineage, serial, stack, resources, outputs } = document
  if (typeof lineage !== 'string' || lineage === '') return 'it has no lineage'
  if (!Number.isSafeInteger(serial) || serial < 1) return `its serial is ${JSON.stringify(serial)}`
  if (typeof stack !== 'string') return 'it names no stack'
  if (!isObject(resources) || !isObject(outputs)) return 'it has no resources or no outputs'
  for (const address of Object.keys(resources)) {
    const fault = recordFault(address, resources[address])
    if (fault) return `${address}: ${fault}`
  }
  for (const name of Object.keys(outputs)) {
    const output: unknown = outputs[name]
    if (!isObject(output) || output.value === undefined || typeof output.sensitive !== 'boolean') {
      return `output ${name} is no output`
    }
  }
  return undefined
}

/** Why a record cannot be trusted, or undefined where it can. */
export function recordFault(address: string, record: unknown): string | undefined {
  if (!isObject(record)) return 'it is no record'
  if (!parseAddress(address)) return 'it is no address'
  if (record.address !== address) return `its record is of ${JSON.stringify(record.address)}`
  for (const key of texts) if (typeof record[key] !== 'string') return `its ${key} is no text`
  for (const key of objects) if (!isObject(record[key])) return `its ${key} is no object`
  for (const key of lists) if (!isTexts(record[key])) return `its ${key} is no list of texts`
  if (record.pending !== undefined && !isTexts(record.pending)) return 'its pending is no list of texts'
  if (record.tainted !== undefined && typeof record.tainted !== 'string') return 'its tainted is no text'
  return undefined
}

/**
 * Dependencies that are not in the state. No fault: what was forgotten on purpose leaves such a gap behind, and all that is
 * lost is the order of deletes. For a report to people.
 */
export function missingDependencies(
  document: StateDocument,
): readonly { readonly address: string; readonly missing: string }[] {
  return Object.values(document.resources).flatMap(record =>
    record.dependencies
      .filter(address => !Object.hasOwn(document.resources, address))
      .map(missing => ({ address: record.address, missing })),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}
