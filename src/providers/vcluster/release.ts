/** Installing or upgrading the release of a virtual cluster, marking what came of it, pausing and resuming. */
import { InfraError } from '../../model/error.js'
import { type Attributes, isObject, sameValue } from '../../model/value.js'
import type { CreateRequest, UpdateRequest } from '../provider.js'
import { hasCode } from './client/errors.js'
import type { KubeObject, StorageClass, Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { type Revision, readRelease, revisionsOf, settle } from './helm/release.js'
import { chartArguments, rollback, upgrade } from './helm/run.js'
import { parseDuration } from './kinds/duration.js'
import { lower } from './kinds/shortcuts.js'
import { type Applied, digestOf, labelNames, marks, paused, releaseLabels } from './marks.js'
import { readOne } from './ready.js'
import type { Session } from './session.js'
import { type Found, keyOf, takeSnapshot } from './snapshot.js'

type Request = CreateRequest | UpdateRequest
interface Place {
  readonly namespace: string
  readonly name: string
}

/**
 * Brings the release to the spec. A revision with the same chart and values that helm still keeps is rolled back to, so that
 * a way back needs no chart at hand; everything else is `helm upgrade --install`.
 */
export async function bringRelease(
  session: Session,
  request: Request,
  spec: Attributes,
  place: Place,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { host, ports } = session
  const helm = await session.helm(signal)
  await settle(host, place, ports.clock, progress, signal)
  const digest = digestOf(spec)
  const revisions = await revisionsOf(host, place, signal)
  const [latest] = revisions
  const same = revisions.find(
    revision => revision.labels[marks.digest] === digest && revision.status === 'superseded',
  )
  const newest = latest?.labels[marks.digest] !== digest
  if (same !== undefined && newest && (await holds(session, same, spec, signal))) {
    progress(`helm rollback to revision ${same.revision}`)
    await rollback(helm, host, place, same.revision, signal)
    return
  }
  progress(latest === undefined ? 'helm install' : 'helm upgrade')
  const chart = spec.chart as Attributes
  await upgrade(helm, host, place, {
    chart: chartArguments(chart, session.folder),
    values: lower(spec),
    labels: releaseLabels(request.owner, digest),
    signal,
  }).catch(error => {
    throw hasCode(error, 'invalid-values')
      ? new InfraError({
          ...error.details(),
          message: `The chart refuses the values of ${place.name}.`,
          hint: 'see the chart’s values.schema.json; paths above are those of spec.values',
        })
      : error
  })
}

/** Whether a revision really is what its label says: helm hands the label on to revisions that others make. */
async function holds(
  session: Session,
  revision: Revision,
  spec: Attributes,
  signal: AbortSignal,
): Promise<boolean> {
  const release = await readRelease(session.host, revision, signal)
  const version = isObject(spec.chart) ? spec.chart.version : undefined
  return (
    release !== undefined &&
    sameValue(release.values, lower(spec)) &&
    (version === undefined || version === release.chart.version)
  )
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
  if (workload === undefined) throw gone(place)
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
  proven: boolean,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await takeSnapshot(session.host, new Set([place.namespace]), signal, place.namespace)
  const found = snapshot.clusters.get(keyOf(place.namespace, place.name))
  if (found?.workload === undefined) throw gone(place)
  const applied: Applied = {
    digest: digestOf(spec),
    hash: found.workload.spec.template.metadata?.annotations?.vClusterConfigHash ?? '',
    revision: found.revisions[0]?.revision ?? 0,
    objects: Object.fromEntries(
      Object.entries(found.objects).filter(([name]) => !isRewritten(name, place.name)),
    ),
    proven,
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

/** Scales to nothing or back, with the marks that the vcluster tool sets and reads. */
export async function setPaused(
  session: Session,
  place: Place,
  wanted: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { host, ports } = session
  const found = await readOne(session, place, signal)
  if (found.workload === undefined) throw gone(place)
  const workloads = [found.workload, ...(await etcdOf(session, place, signal))]
  for (const workload of workloads) {
    const { replicas = 1 } = workload.spec
    const { annotations = {} } = workload.metadata
    const path =
      workload === found.workload
        ? workloadPath(found)
        : paths.statefulSets(place.namespace, workload.metadata.name)
    if (wanted) {
      const before = replicas === 0 ? (annotations[paused.replicas] ?? '1') : String(replicas)
      await host.patch(
        path,
        {
          metadata: {
            annotations: {
              [paused.flag]: 'true',
              [paused.replicas]: before,
              [paused.date]: new Date(host.now() ?? ports.clock.now()).toISOString(),
            },
          },
          spec: { replicas: 0 },
        },
        signal,
      )
    } else if (replicas === 0)
      await host.patch(
        path,
        {
          metadata: { annotations: { [paused.flag]: null, [paused.replicas]: null, [paused.date]: null } },
          spec: { replicas: Number(annotations[paused.replicas] ?? 1) || 1 },
        },
        signal,
      )
  }
  if (wanted) await stopPods(session, place, signal)
}

/** What ran in a paused cluster stops with it: nobody would look after it. Waits until its control plane is gone. */
async function stopPods(session: Session, place: Place, signal: AbortSignal): Promise<void> {
  const { host, ports } = session
  const synced = await host.list<KubeObject>(
    paths.pods(place.namespace),
    { labelSelector: `vcluster.loft.sh/managed-by=${place.name}` },
    signal,
    true,
  )
  await Promise.all(synced.map(pod => host.remove(paths.pods(place.namespace, pod.metadata.name), signal)))
  for (let turn = 0; turn < 120; turn += 1) {
    const left = await host.list<KubeObject>(
      paths.pods(place.namespace),
      { labelSelector: `app=vcluster,release=${place.name}` },
      signal,
      true,
    )
    if (left.length === 0) return
    await ports.clock.sleep(500, signal)
  }
  throw new InfraError({
    kind: 'operation',
    code: 'not-paused',
    message: `The pods of ${place.name} do not stop.`,
  })
}

/** The etcd that a chart may deploy beside the control plane of a Deployment. */
async function etcdOf(session: Session, place: Place, signal: AbortSignal): Promise<readonly Workload[]> {
  return session.host.list<Workload>(
    paths.statefulSets(place.namespace),
    { labelSelector: `app=vcluster-etcd,release=${place.name}` },
    signal,
  )
}

/**
 * Grows the control plane's claim, where its class allows that. The StatefulSet is removed without its pods: its claim
 * templates cannot change, and the upgrade that follows makes it anew around them.
 */
export async function growStorage(
  session: Session,
  place: Place,
  size: string,
  signal: AbortSignal,
): Promise<void> {
  const { host } = session
  const found = await readOne(session, place, signal)
  const claims = found.claims.filter(claim => claim.metadata.name.startsWith(`data-${place.name}-`))
  const grow = claims.filter(claim => claim.spec.resources?.requests?.storage !== size)
  for (const claim of grow) {
    const name = claim.spec.storageClassName
    const storage =
      name === undefined ? undefined : await host.get<StorageClass>(paths.storageClass(name), signal)
    if (storage?.allowVolumeExpansion !== true)
      throw new InfraError({
        kind: 'storage',
        code: 'volume-cannot-grow',
        message: `The volume of ${place.name} cannot grow to ${size}; nothing was changed.`,
        why: `the storage class ${name ?? '(none)'} does not allow volume expansion`,
        hint: 'set allowVolumeExpansion: true on the class if its driver can do it, or keep the size',
      })
  }
  for (const claim of grow)
    await host.patch(
      paths.claims(place.namespace, claim.metadata.name),
      { spec: { resources: { requests: { storage: size } } } },
      signal,
    )
  if (found.workloadKind === 'StatefulSet')
    await host.remove(workloadPath(found), signal, {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      propagationPolicy: 'Orphan',
    })
}

export function workloadPath(found: Found): string {
  const path = found.workloadKind === 'Deployment' ? paths.deployments : paths.statefulSets
  return path(found.namespace, found.name)
}

function gone(place: Place): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'no-workload',
    message: `The release ${place.name} made no StatefulSet or Deployment in namespace ${place.namespace}.`,
  })
}
