/** What is really there, from one snapshot of the host; details are read only where something moved since the last change. */
import { type Attributes, isObject, type Json } from '../../model/value.js'
import { sensible } from '../answer.js'
import type { Identity, Observation, Target } from '../provider.js'
import type { Namespace } from './client/objects.js'
import { foreignObjects, foreignValues } from './hand-changes.js'
import { type ReleaseContent, readRelease } from './helm/release.js'
import { canonicalSpec } from './kinds/canonical.js'
import { lower } from './kinds/shortcuts.js'
import { type Values, valueAt } from './kinds/tree.js'
import { appliedOf, digestOf, marks, ownerOf, paused, releaseOwner } from './marks.js'
import type { Session } from './session.js'
import { type Found, keyOf, type Snapshot, takeSnapshot } from './snapshot.js'
import { isReady, troubleOf } from './trouble.js'

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

/** Where a target is, or is to be. */
export function placeOf(target: Pick<Target, 'identity' | 'name' | 'spec'>): {
  namespace: string
  name: string
} {
  return {
    namespace: target.identity?.namespace ?? String(target.spec.namespace),
    name: target.identity?.name ?? target.name,
  }
}

async function observeOne(
  session: Session,
  target: Target,
  snapshot: Snapshot,
  ahead: Promise<Uint8Array | undefined> | undefined,
  signal: AbortSignal,
): Promise<Observation> {
  const { namespace, name } = placeOf(target)
  const found = snapshot.clusters.get(keyOf(namespace, name))
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

/** The namespace where infra made it for this cluster. */
function madeFor(space: Namespace | undefined, name: string): Namespace | undefined {
  return space?.metadata.annotations?.[marks.made] === name ? space : undefined
}

/** The declared attributes as they are. Without a change since the last apply they are the recorded ones. */
function specOf(
  target: Target,
  found: Found,
  release: ReleaseContent | undefined,
  space: Namespace | undefined,
  handMade: readonly string[],
): Attributes {
  const { workload } = found
  const meta = { name: found.name, labels: {}, annotations: {} }
  const given = lower(target.spec)
  const read = release === undefined ? undefined : canonicalSpec({ values: release.values }, meta)
  const kept = read ?? target.spec
  const foreign = [
    ...(release === undefined ? [] : foreignValues(given, release.values as Values)),
    ...handMade,
  ]
  const { replicas: _replicas, kubeconfig: _kubeconfig, chart: _chart, ...rest } = kept
  const stopped = workload?.metadata.annotations?.[paused.replicas]
  const replicas = workload?.spec.replicas === 0 ? Number(stopped ?? 1) : workload?.spec.replicas
  const claim = found.claims.find(one => one.metadata.name === `data-${found.name}-0`)
  const size = claim?.spec.resources?.requests?.storage
  const server = valueAt(kept, ['kubeconfig', 'server'])
  const version = chartVersion(found)
  return {
    ...rest,
    ...(target.spec.hostCluster !== undefined && { hostCluster: target.spec.hostCluster }),
    namespace: found.namespace,
    createNamespace: madeFor(space, found.name) !== undefined,
    chart: {
      ...(isObject(target.spec.chart) ? target.spec.chart : {}),
      ...(version !== undefined && { version }),
    },
    ...(replicas !== undefined && { replicas }),
    ...(isObject(kept.storage) && { storage: { ...kept.storage, ...(size !== undefined && { size }) } }),
    ttl: workload?.metadata.annotations?.[marks.ttl] ?? 'none',
    paused: workload?.spec.replicas === 0,
    kubeconfig: {
      ...(isObject(target.spec.kubeconfig) ? withoutServer(target.spec.kubeconfig) : {}),
      ...(server !== undefined && { server }),
    },
    readinessTimeout: target.spec.readinessTimeout ?? '5m',
    handChanges: foreign.length === 0 ? 'none' : foreign.join('; '),
  }
}

function withoutServer(kubeconfig: Attributes): Attributes {
  const { server: _, ...rest } = kubeconfig
  return rest
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

/** One word for how it is. */
export function phaseOf(found: Found): string {
  if (found.workload === undefined) return 'Failed'
  if (found.workload.metadata.deletionTimestamp !== undefined) return 'Terminating'
  const { replicas = 1 } = found.workload.spec
  if (replicas === 0) return 'Paused'
  if ((found.workload.status?.readyReplicas ?? 0) >= replicas || found.pods.some(isReady)) return 'Running'
  return troubleOf(found.pods, found.claims, []) === undefined ? 'Pending' : 'Failed'
}

/** The chart's version, as the chart labels all it makes. */
export function chartVersion(found: Found): string | undefined {
  return found.workload?.metadata.labels?.chart?.replace(/^.*?-(?=\d)/, '')
}

/** The tag of the image that brings Kubernetes. */
export function kubernetesVersion(found: Found): string | undefined {
  const template = found.workload?.spec.template as unknown as {
    spec?: { initContainers?: readonly { image?: string }[] }
  }
  const images = template?.spec?.initContainers?.map(container => container.image ?? '') ?? []
  return images.map(image => /kubernetes:(v\d[^@]*)/.exec(image)?.[1]).find(tag => tag !== undefined)
}

function remarkOf(found: Found, space: Namespace | undefined, owned: boolean): string | undefined {
  const ending = space === undefined ? undefined : terminating(space)
  if (ending !== undefined) return ending
  const [latest] = found.revisions
  if (latest === undefined) return 'it was not installed with helm'
  if (latest.status !== 'deployed') return `its Helm release is ${latest.status}`
  if (!owned) return undefined
  const { workload } = found
  if (workload?.spec.replicas === 0)
    return workload.metadata.annotations?.[paused.flag] === 'true'
      ? 'paused'
      : 'scaled to nothing without being paused'
  return troubleOf(found.pods, found.claims, [])?.text
}

/** What holds a namespace that is being removed. */
export function terminating(space: Namespace): string | undefined {
  if (space.metadata.deletionTimestamp === undefined) return undefined
  const held = (space.status?.conditions ?? [])
    .filter(condition => condition.status === 'True' && condition.message !== undefined)
    .map(condition => condition.message)
  const finalizers = (space.spec?.finalizers ?? []).filter(finalizer => finalizer !== 'kubernetes')
  if (finalizers.length > 0) held.push(`finalizers: ${finalizers.join(', ')}`)
  return `namespace ${space.metadata.name} is being removed${held.length > 0 ? `; it is held: ${held.join('; ')}` : ''}`
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
