/** What `infra drift` reads: every managed resource, and what nobody declared in the places that the stack manages. */
import { aimAt, observeAll } from '../apply/engine.js'
import type { Address } from '../model/address.js'
import { messageOf } from '../model/error.js'
import type { Kind } from '../providers/kind.js'
import type { Observation, Provider, Target } from '../providers/provider.js'
import type { DriftInput } from '../report/drift/model.js'
import type { ResourceRecord } from '../state/document.js'

export interface DriftReading {
  readonly subjects: DriftInput['subjects']
  readonly unmanaged: DriftInput['unmanaged']
  /** Connections whose unmanaged objects could not be listed, with why. */
  readonly unlisted: readonly { readonly connection: string; readonly why: string }[]
}

/** Reads all recorded resources and lists unmanaged objects, all connections at once. */
export async function readDrift(
  records: readonly ResourceRecord[],
  providers: ReadonlyMap<string, Provider>,
  kinds: ReadonlyMap<string, Kind>,
  signal: AbortSignal,
): Promise<DriftReading> {
  const aimed = records.map(aimAt)
  const [observed, listed] = await Promise.all([
    observeAll({ providers }, aimed, signal),
    Promise.all([...providers].map(one => unmanagedOf(one, aimed, signal))),
  ])
  return {
    subjects: records.map(record => ({
      record,
      observation: observationOf(record.address, observed),
      kind: kinds.get(record.kind),
    })),
    unmanaged: listed.flatMap(one => one.objects),
    unlisted: listed.flatMap(one =>
      one.why === undefined ? [] : [{ connection: one.connection, why: one.why }],
    ),
  }
}

async function unmanagedOf(
  [connection, provider]: readonly [string, Provider],
  aimed: readonly { readonly connection: string; readonly target: Target }[],
  signal: AbortSignal,
): Promise<{ connection: string; objects: DriftInput['unmanaged']; why?: string }> {
  const targets = aimed.filter(one => one.connection === connection).map(one => one.target)
  try {
    const objects = (await provider.unmanaged?.(targets, signal)) ?? []
    return { connection, objects: objects.map(object => ({ ...object, connection })) }
  } catch (error) {
    return { connection, objects: [], why: messageOf(error) }
  }
}

function observationOf(address: Address, observed: ReadonlyMap<Address, Observation>): Observation {
  return observed.get(address) ?? { status: 'unreadable', why: 'it was not read' }
}
