/** Edits of the state by hand: move a record to another address, forget records. Nothing real is touched. */
import { type Address, parseAddress } from '../model/address.js'
import { InfraError } from '../model/error.js'
import type { ResourceRecord, StateDocument } from '../state/document.js'

/** The state with a record under another address of the same kind; those who depend on it follow. */
export function moveRecord(state: StateDocument, from: Address, to: Address): StateDocument {
  const record = recordAt(state, from)
  const parts = parseAddress(to)
  if (!parts || parts.kind !== record.kind) {
    throw editError(
      'bad-address',
      `${to} is not an address of a ${record.kind}`,
      `For example: ${record.kind}/name.`,
    )
  }
  if (state.resources[to])
    throw editError('address-taken', `the state holds ${to} already`, 'Forget it first, or choose another.')
  const resources = Object.values(state.resources).map(one => {
    const moved = one.address === from ? { ...one, address: to } : one
    const dependencies = moved.dependencies.includes(from)
      ? moved.dependencies.map(address => (address === from ? to : address)).sort()
      : moved.dependencies
    return [moved.address, { ...moved, dependencies }] as const
  })
  return next(state, Object.fromEntries(resources))
}

/** The state without these records; those who depended on them do not any more. */
export function forgetRecords(state: StateDocument, addresses: readonly Address[]): StateDocument {
  for (const address of addresses) recordAt(state, address)
  const gone = new Set(addresses)
  const resources = Object.values(state.resources)
    .filter(one => !gone.has(one.address))
    .map(
      one =>
        [
          one.address,
          { ...one, dependencies: one.dependencies.filter(address => !gone.has(address)) },
        ] as const,
    )
  return next(state, Object.fromEntries(resources))
}

/** The state with a record marked for replacement, or no longer so. */
export function taintRecord(state: StateDocument, address: Address, why: string | undefined): StateDocument {
  const { tainted: _, ...record } = recordAt(state, address)
  return next(state, {
    ...state.resources,
    [address]: why === undefined ? record : { ...record, tainted: why },
  })
}

/** The record of an address. Fails with `not-recorded` where there is none. */
export function recordAt(state: StateDocument | undefined, address: Address): ResourceRecord {
  const record = state?.resources[address]
  if (!record)
    throw editError(
      'not-recorded',
      `the state does not hold ${address}`,
      '`infra state ls` lists what it holds.',
    )
  return record
}

function next(state: StateDocument, resources: StateDocument['resources']): StateDocument {
  return { ...state, resources }
}

function editError(code: string, message: string, hint: string): InfraError {
  return new InfraError({ kind: 'validation', code, message, hint })
}
