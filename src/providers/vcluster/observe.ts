/** What is really there, from one snapshot of the host; details are read only where something moved since the last change. */
import { type Attributes, isObject, type Json } from '../../model/value.js'
import { sensible } from '../answer.js'
import type { Identity, Observation, Target } from '../provider.js'
import type { Namespace } from './client/objects.js'
import { specOf } from './declared.js'
import { foreignObjects } from './hand-changes.js'
import { type ReleaseContent, readRelease } from './helm/release.js'
import { appliedOf, digestOf, marks, ownerOf, releaseOwner } from './marks.js'
import { keyOf, placeOf } from './place.js'
import type { Session } from './session.js'
import { type Found, type Snapshot, takeSnapshot } from './snapshot.js'
import { chartVersion, kubernetesVersion, madeFor, phaseOf, remarkOf, terminating } from './told.js'

/**
 * Every target's observation, from a few list calls, whatever their number. One that cannot be read is `unreadable`, with why, and
 * hides no other; a host that does not answer fails the call.
 */
export async function observe(
  session: Session,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Observation>> {
  const wanted = new Set(targets.map(target => placeOf(target).namespace))
  // Files are read while the host is asked.
  const ahead = new Map(
    targets.map(target => {
      const { namespace, name } = placeOf(target)
      return [target.address, session.kubeconfigs.ahead(target, namespace, name)] as const
    }),
  )
  const snapshot = await takeSnapshot(session.host, wanted, signal)
  const seen = await Promise.all(
    targets.map(async (target): Promise<[string, Observation]> => {
      try {
        const stored = ahead.get(target.address)
        const look = () => observeOne(session, target, snapshot, stored, signal)
        return [target.address, await sensible(`The host cluster ${session.host.name}`, look)]
      } catch (error) {
        signal.throwIfAborted()
        return [
          target.address,
          { status: 'unreadable', why: error instanceof Error ? wordsOf(error) : String(error) },
        ]
      }
    }),
  )
  return new Map(seen)
}

async function observeOne(
  session: Session,
  target: Target,
  snapshot: Snapshot,
  ahead: Promise<Uint8Array | undefined> | undefined,
  signal: AbortSignal,
): Promise<Observation> {
  const place = placeOf(target)
  const { namespace, name } = place
  const found = snapshot.clusters.get(keyOf(place))
  const space = snapshot.namespaces.get(namespace)
  if (found?.workload === undefined && (found === undefined || found.revisions.length === 0))
    return remainsOf(target, namespace, name, space)

  const { workload, revisions } = found
  const [latest] = revisions
  const owner =
    ownerOf(workload) ?? ownerOf(madeFor(space, name)) ?? releaseOwner(latest?.labels, target.address)
  const applied = appliedOf(workload)
  const isPaused = workload?.spec.replicas === 0
  const current =
    applied !== undefined &&
    applied.digest === digestOf(target.spec) &&
    applied.hash === hashOf(found) &&
    (latest === undefined || latest.revision === applied.revision)
  const untouched = current && sameObjects(applied.objects, found.objects)

  let release: ReleaseContent | undefined
  if (!current && latest !== undefined)
    release = await session.limited(() => readRelease(session.host, latest, signal))
  let handMade: string[] = []
  if (!untouched && latest !== undefined && workload !== undefined && latest.status === 'deployed') {
    release ??= await session.limited(() => readRelease(session.host, latest, signal))
    if (release !== undefined) {
      const given = release
      handMade = await session.limited(() => foreignObjects(session.host, namespace, given, isPaused, signal))
    }
  } else if (workload === undefined) handMade = ['StatefulSet is missing']

  const spec = specOf(target, found, release, space, handMade)
  const facts = await factsOf(session, target, found, latest?.revision, ahead, signal)
  const remark = remarkOf(found, space, owner !== undefined)
  const halfMade =
    latest?.status === 'pending-install' ||
    (applied === undefined && owner !== undefined) ||
    applied?.proven === false
  return {
    status: 'present',
    identity: identityOf(found, space),
    ...(owner !== undefined && { owner }),
    spec,
    facts,
    ...(remark !== undefined && { remark }),
    ...(halfMade && { incomplete: true as const }),
  }
}

/** Neither release nor workload: absent, unless infra's own namespace is still there. */
function remainsOf(
  target: Target,
  namespace: string,
  name: string,
  space: Namespace | undefined,
): Observation {
  const owner = ownerOf(madeFor(space, name))
  if (space === undefined || owner === undefined) return { status: 'absent' }
  return {
    status: 'present',
    identity: { namespace, name },
    owner,
    spec: { namespace, createNamespace: target.spec.createNamespace ?? true },
    facts: { phase: space.metadata.deletionTimestamp === undefined ? 'Pending' : 'Terminating' },
    remark: terminating(space) ?? `namespace ${namespace} is there, the cluster in it is not`,
    incomplete: true,
  }
}

async function factsOf(
  session: Session,
  target: Target,
  found: Found,
  revision: number | undefined,
  ahead: Promise<Uint8Array | undefined> | undefined,
  signal: AbortSignal,
): Promise<Attributes> {
  const { workload } = found
  const expiresAt = workload?.metadata.annotations?.[marks.expiresAt]
  const version = kubernetesVersion(found)
  const chart = chartVersion(found)
  const phase = phaseOf(found)
  const kept =
    phase === 'Running' || phase === 'Paused'
      ? await session.kubeconfigs.facts(target, found, signal, ahead)
      : {}
  return {
    phase,
    ...kept,
    ...(version !== undefined && { version }),
    ...(chart !== undefined && { chartVersion: chart }),
    ...(revision !== undefined && { revision }),
    ...(workload?.metadata.creationTimestamp !== undefined && {
      createdAt: workload.metadata.creationTimestamp,
    }),
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function identityOf(found: Found, space: Namespace | undefined): Identity {
  const text =
    found.workload?.metadata.annotations?.[marks.identity] ??
    madeFor(space, found.name)?.metadata.annotations?.[marks.identity]
  let chosen: Record<string, string> = {}
  try {
    const value = text === undefined ? {} : (JSON.parse(text) as Json)
    if (isObject(value))
      chosen = Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
  } catch {
    // A mark that a hand broke says nothing.
  }
  return { ...chosen, namespace: found.namespace, name: found.name }
}

function hashOf(found: Found): string {
  return found.workload?.spec.template.metadata?.annotations?.vClusterConfigHash ?? ''
}

/** Objects that come and go on their own are not in the record, and are not asked for. */
function sameObjects(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(before).every(([name, version]) => now[name] === version)
}

function wordsOf(error: Error): string {
  const why = (error as { why?: unknown }).why
  return typeof why === 'string' ? `${error.message} ${why}` : error.message
}
