/** The StatefulSet or Deployment that a virtual cluster is to its host: where it is, and what infra writes on it. */
import { InfraError } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { CreateRequest, UpdateRequest } from '../provider.js'
import type { Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { parseDuration } from './kinds/duration.js'
import { type Applied, digestOf, labelNames, marks } from './marks.js'
import { keyOf, type Place } from './place.js'
import type { Session } from './session.js'
import { type Found, takeSnapshot } from './snapshot.js'

type Request = CreateRequest | UpdateRequest
/** Its path in the host's API. */
export function workloadPath(found: Found): string {
  const path = found.workloadKind === 'Deployment' ? paths.deployments : paths.statefulSets
  return path(found.namespace, found.name)
}

/** Owner, time to live and labels on the workload. The expiry counts from the host's own time of creation. */
export async function markWorkload(
  session: Session,
  request: Request,
  place: Place,
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  const { workload } = found
  if (workload === undefined) throw noWorkload(place)
  const { labels } = request
  const dropped = Object.fromEntries(
    labelNames(workload)
      .filter(name => labels[name] === undefined)
      .map(name => [name, null]),
  )
  await session.host.patch(
    workloadPath(found),
    {
      metadata: {
        labels: { ...dropped, ...labels, [marks.lineage]: request.owner.lineage },
        annotations: {
          [marks.address]: request.owner.address,
          [marks.identity]: JSON.stringify(request.identity),
          [marks.labels]: JSON.stringify(Object.keys(labels)),
          ...expiry(request.spec, workload),
        },
      },
    },
    signal,
  )
}

/** A time to live that is as it was keeps its end, which may have been put off. */
function expiry(spec: Attributes, workload: Workload): Record<string, string | null> {
  const { annotations = {}, creationTimestamp } = workload.metadata
  const ttl = typeof spec.ttl === 'string' ? spec.ttl : 'none'
  const seconds = parseDuration(ttl)
  if (seconds === undefined) return { [marks.ttl]: null, [marks.expiresAt]: null }
  if (annotations[marks.ttl] === ttl && annotations[marks.expiresAt] !== undefined) return {}
  const end = new Date(Date.parse(creationTimestamp ?? '') + seconds * 1000)
  return { [marks.ttl]: ttl, [marks.expiresAt]: end.toISOString() }
}

/** Records what a change left behind, so that the next look sees at a glance whether anything moved. */
export async function recordApplied(
  session: Session,
  spec: Attributes,
  place: Place,
  proven: boolean | undefined,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await takeSnapshot(session.host, new Set([place.namespace]), signal, place.namespace)
  const found = snapshot.clusters.get(keyOf(place))
  if (found?.workload === undefined) throw noWorkload(place)
  const applied: Applied = {
    digest: digestOf(spec),
    hash: found.workload.spec.template.metadata?.annotations?.vClusterConfigHash ?? '',
    revision: found.revisions[0]?.revision ?? 0,
    objects: Object.fromEntries(
      Object.entries(found.objects).filter(([name]) => !isRewritten(name, place.name)),
    ),
    ...(proven !== undefined && { proven }),
  }
  await session.host.patch(
    workloadPath(found),
    { metadata: { annotations: { [marks.applied]: JSON.stringify(applied) } } },
    signal,
  )
}

/** Secrets that the virtual cluster itself writes and renews. */
function isRewritten(object: string, name: string): boolean {
  return object === `Secret/vc-${name}` || object === `Secret/${name}-certs`
}

/** The error where a release has none. */
export function noWorkload(place: Place): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'no-workload',
    message: `The release ${place.name} made no StatefulSet or Deployment in namespace ${place.namespace}.`,
  })
}
