/** Hearing of changes as they happen: watches of the host cluster's API on what virtual clusters are made of. */
import { InfraError } from '../../model/error.js'
import { hintQueue } from '../hints.js'
import type { Hint } from '../provider.js'
import { unreachable } from './client/errors.js'
import type { WatchEvent } from './client/host.js'
import { placeOf } from './place.js'
import type { Session } from './session.js'

/** What is watched: workloads and services of virtual clusters, and helm's records of releases. */
const watched = [
  { path: '/apis/apps/v1/statefulsets', selector: 'app=vcluster' },
  { path: '/apis/apps/v1/deployments', selector: 'app=vcluster' },
  { path: '/api/v1/services', selector: 'app=vcluster' },
  { path: '/api/v1/secrets', selector: 'owner=helm' },
] as const

/** A dead connection says nothing, as a quiet one does: so often the server is asked for a sign of life, milliseconds. */
const aliveEvery = 15_000

type Watched = (typeof watched)[number]

/**
 * Watches the whole host. Fails where the account may not, with the rule that it needs. The server ends a watch after a
 * while; it is opened again, from the version where it was, and one that cannot be is a lost connection.
 */
export async function watchClusters(session: Session, signal: AbortSignal): Promise<AsyncIterable<Hint>> {
  const ending = new AbortController()
  const both = AbortSignal.any([signal, ending.signal])
  const queue = hintQueue(signal, () => ending.abort())
  try {
    const begun = await Promise.all(
      watched.map(async one => {
        const from = await session.host.version(one.path, { labelSelector: one.selector }, both)
        return { one, from, events: await open(session, one, from, both) }
      }),
    )
    for (const { one, from, events } of begun)
      void follow(session, one, from, events, both, hint => queue.push(hint)).catch(error => {
        if (!both.aborted) queue.fail(error)
      })
  } catch (error) {
    ending.abort()
    throw error
  }
  void alive(session, both).catch(error => {
    if (!both.aborted) queue.fail(error)
  })
  return queue.hints
}

async function alive({ host, ports }: Session, signal: AbortSignal): Promise<never> {
  for (;;) {
    await ports.clock.sleep(aliveEvery, signal)
    await host.text('/livez', {}, signal)
  }
}

function open({ host }: Session, { path, selector }: Watched, resourceVersion: string, signal: AbortSignal) {
  return host.watch(path, { labelSelector: selector, resourceVersion }, signal)
}

async function follow(
  session: Session,
  one: Watched,
  from: string,
  first: AsyncIterable<WatchEvent>,
  signal: AbortSignal,
  push: (hint: Hint) => void,
): Promise<never> {
  let version = from
  let events = first
  for (;;) {
    const began = session.ports.clock.now()
    try {
      for await (const { type, object } of events) {
        // The version is too old: what happened since is not known
        if (type === 'ERROR') throw lost(session, one, JSON.stringify(object))
        version = object.metadata.resourceVersion ?? version
        if (type !== 'BOOKMARK') push(hintOf(type, one, object.metadata))
      }
    } catch (error) {
      throw error instanceof InfraError
        ? error
        : unreachable(error, `the watch of ${one.path}`, session.host.name)
    }
    // One that ends at once, again and again, must not be opened again and again
    if (session.ports.clock.now() - began < 1000) throw lost(session, one, 'the watch ended at once')
    events = await open(session, one, version, signal)
  }
}

function hintOf(
  type: string,
  { path }: Watched,
  { namespace, name }: { readonly namespace?: string; readonly name: string },
): Hint {
  const plural = path.split('/').at(-1)
  return {
    what: `${plural} ${namespace}/${name} ${type.toLowerCase()}`,
    touches: target => placeOf(target).namespace === namespace,
  }
}

function lost(session: Session, { path }: Watched, why: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'host-watch-ended',
    message: `The host cluster ${session.host.name} ended the watch of ${path}.`,
    why,
  })
}
