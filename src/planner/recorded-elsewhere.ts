/** One object under two addresses: what is done to it by one of them would be done behind the other's back. */
import type { Address } from '../model/address.js'
import { InfraError } from '../model/error.js'
import { originalAddress } from '../model/former.js'
import type { Identity } from '../providers/provider.js'
import type { ResourceRecord } from '../state/document.js'
import type { Decided } from './decision.js'
import type { PlanInput } from './input.js'

/**
 * Problems of documents whose object is recorded under another address: after a document was renamed by `infra state mv` while
 * the old one stayed, for one. Deleting the other would take the object that was just taken over.
 */
export function recordedElsewhere(
  decided: ReadonlyMap<Address, Decided>,
  { state, options }: PlanInput,
): InfraError[] {
  // The way back or forward of an apply knows which object is whose.
  if (options.mode !== 'apply' || options.unprotected !== undefined) return []
  const claimed = [...decided.values()].filter(one => !one.record && one.before && takesOver(one))
  if (claimed.length === 0) return []
  const records = new Map<string, ResourceRecord>()
  for (const record of Object.values(state.resources)) {
    if (originalAddress(record.address) === record.address) records.set(nameOf(record), record)
  }
  return claimed.flatMap(({ address, desired, before }) => {
    const other = desired && records.get(nameOf(desired))
    if (!other || !before || !oneObject(other.identity, before.identity)) return []
    return [
      new InfraError({
        kind: 'validation',
        code: 'recorded-elsewhere',
        address,
        message: `what it describes is recorded as ${other.address}`,
        why: 'An object can have one address only.',
        hint: `\`infra state mv ${other.address} ${address}\` records it here; or give this one another name.`,
        place: { ...desired.source, column: 1 },
      }),
    ]
  })
}

function takesOver({ decision }: Decided): boolean {
  return decision.action === 'adopt' || decision.action === 'update' || decision.action === 'replace'
}

/** By the UUID where both have one, else by all that both tell. Where they tell nothing in common, nobody knows. */
function oneObject(a: Identity, b: Identity): boolean {
  if (a.uuid !== undefined && b.uuid !== undefined) return a.uuid === b.uuid
  const shared = Object.keys(a).filter(key => Object.hasOwn(b, key))
  return shared.length > 0 && shared.every(key => a[key] === b[key])
}

/** Names are one object's alone within a connection and kind; which of several pools it is in, its identity tells. */
function nameOf({ kind, connection, name }: Pick<ResourceRecord, 'kind' | 'connection' | 'name'>): string {
  return `${connection} ${kind} ${name}`
}
