/** What `infra drift` reads: every managed resource, and what nobody declared in the places that the stack manages. */
import { type Aimed, aimAt, observeAll } from '../apply/engine.js'
import type { Address } from '../model/address.js'
import { messageOf } from '../model/error.js'
import type { Plan } from '../planner/plan.js'
import type { Kind } from '../providers/kind.js'
import type { Observation, Provider, Target } from '../providers/provider.js'
import type { DriftInput, DriftReport } from '../report/drift/model.js'
import type { ResourceRecord } from '../state/document.js'

export interface DriftReading {
  readonly base: DriftReport['base']
  readonly connections: Plan['connections']
  /** When it was read, milliseconds since 1970. */
  readonly at: number
  readonly milliseconds: number
  readonly subjects: DriftInput['subjects']
  readonly unmanaged: DriftInput['unmanaged']
  /** Connections whose unmanaged objects could not be listed, with why. */
  readonly unlisted: readonly { readonly connection: string; readonly why: string }[]
}

/** A part to look at again: connections by name, and of each the targets that may have changed. */
export type DriftPart = ReadonlyMap<string, (target: Target) => boolean>

/** Reads recorded resources and lists unmanaged objects, all connections at once; with `part`, no more than that. */
export async function readDrift(
  all: readonly ResourceRecord[],
  providers: ReadonlyMap<string, Provider>,
  kinds: ReadonlyMap<string, Kind>,
  signal: AbortSignal,
  part?: DriftPart,
): Promise<Pick<DriftReading, 'subjects' | 'unmanaged' | 'unlisted'>> {
  const everything = all.map(aimAt)
  const inPart = ({ connection, target }: Aimed) => part?.get(connection)?.(target) ?? part === undefined
  const records = all.filter((_, index) => inPart(everything[index] as Aimed))
  const aimed = records.map(aimAt)
  const listing = [...providers].filter(([name]) => part?.has(name) ?? true)
  const [observed, listed] = await Promise.all([
    observeAll({ providers }, aimed, signal),
    // What is declared is not unmanaged, whether it is looked at again or not
    Promise.all(listing.map(one => unmanagedOf(one, everything, signal))),
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

/** A reading with the later one of a part in its place. */
export function withPart(earlier: DriftReading, later: DriftReading, part: DriftPart): DriftReading {
  const again = new Map(later.subjects.map(subject => [subject.record.address, subject]))
  return {
    ...later,
    subjects: earlier.subjects.map(subject => again.get(subject.record.address) ?? subject),
    unmanaged: [...earlier.unmanaged.filter(one => !part.has(one.connection)), ...later.unmanaged],
    unlisted: [...earlier.unlisted.filter(one => !part.has(one.connection)), ...later.unlisted],
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
