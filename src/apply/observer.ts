/** Observation in batches: steps that end at about the same time are read back with one call. */
import { InfraError, messageOf } from '../model/error.js'
import type { Attributes } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import type { Observation, Provider, Target } from '../providers/provider.js'

export type Observe = (target: Target) => Promise<Observation>

interface Waiting {
  readonly target: Target
  readonly resolve: (observation: Observation) => void
}

/**
 * An `observe` of single targets over a provider's bulk one. While a call is under way, what is asked for next is gathered
 * and read with the next call. A provider that throws makes its targets `unreadable`; one that leaves a target out is blamed.
 */
export function batchedObserver(provider: Provider, signal: AbortSignal): Observe {
  let waiting: Waiting[] = []
  let busy = false

  const drain = async () => {
    busy = true
    // Gathers what is asked for in this turn of the event loop.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      const found = await readAll(
        provider,
        batch.map(one => one.target),
        signal,
      )
      for (const { target, resolve } of batch) resolve(found.get(target.address) ?? missing(provider, target))
    }
    busy = false
  }

  return target =>
    new Promise(resolve => {
      waiting.push({ target, resolve })
      if (!busy) void drain()
    })
}

/** Facts without those that the kind calls secret: these are in no journal and no state. */
export function openFacts(facts: Attributes, kind: Kind | undefined): Attributes {
  const secret = kind?.sensitive.filter(name => Object.hasOwn(facts, name)) ?? []
  if (secret.length === 0) return facts
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !secret.includes(name)))
}

/** Observes all targets; a failure of the whole call is told of each of them. */
export async function readAll(
  provider: Provider,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Observation>> {
  try {
    return await provider.observe(targets, signal)
  } catch (error) {
    const why = error instanceof InfraError && error.why ? `${error.message}: ${error.why}` : messageOf(error)
    return new Map(targets.map(target => [target.address, { status: 'unreadable', why }]))
  }
}

function missing(provider: Provider, target: Target): Observation {
  return { status: 'unreadable', why: `the ${provider.type} provider gave no answer about ${target.address}` }
}
