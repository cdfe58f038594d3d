/** Pausing and resuming: by the number of replicas, as the vcluster tool does it. */
import { InfraError } from '../../model/error.js'
import type { KubeObject, Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { paused, replicasBefore } from './marks.js'
import type { Place } from './place.js'
import { readOne } from './ready.js'
import type { Session } from './session.js'
import { noWorkload, workloadPath } from './workload.js'

/** Scales to nothing or back, with the marks that the vcluster tool sets and reads. */
export async function setPaused(
  session: Session,
  place: Place,
  wanted: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { host, ports } = session
  const found = await readOne(session, place, signal)
  if (found.workload === undefined) throw noWorkload(place)
  const workloads = [found.workload, ...(await etcdOf(session, place, signal))]
  for (const workload of workloads) {
    const { replicas = 1 } = workload.spec
    const path =
      workload === found.workload
        ? workloadPath(found)
        : paths.statefulSets(place.namespace, workload.metadata.name)
    if (wanted) {
      const before = replicas === 0 ? replicasBefore(workload) : replicas
      await host.patch(
        path,
        {
          metadata: {
            annotations: {
              [paused.flag]: 'true',
              [paused.replicas]: String(before),
              [paused.date]: new Date(host.now() ?? ports.clock.now()).toISOString(),
            },
          },
          spec: { replicas: 0 },
        },
        signal,
      )
    } else if (isPaused(workload)) {
      const marks = { [paused.flag]: null, [paused.replicas]: null, [paused.date]: null }
      const back = { replicas: replicasBefore(workload) }
      const change = { metadata: { annotations: marks }, ...(replicas === 0 && { spec: back }) }
      await host.patch(path, change, signal)
    }
  }
  if (wanted) await stopPods(session, place, signal)
}

/** Whether it has no replicas, or is marked as paused: helm gives the replicas back, and leaves the marks. */
export function isPaused({ spec, metadata }: Workload): boolean {
  return spec.replicas === 0 || metadata.annotations?.[paused.flag] === 'true'
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
