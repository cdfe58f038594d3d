/** One virtual cluster in full: pods, events, revisions, use of CPU and memory. */
import { timeLimit } from '../../../model/time-limit.js'
import type { Event, KubeObject } from '../client/objects.js'
import { paths } from '../client/paths.js'
import { leftInWords } from '../expiry.js'
import { amountOf } from '../kinds/quantity.js'
import type { Session } from '../session.js'
import { inOrder, isReady, timeOf, troubleOf } from '../trouble.js'
import { findCluster } from './find.js'
import { type ListedCluster, listed } from './list.js'

export interface ClusterStatus extends ListedCluster {
  /** `1h30m left`. */
  readonly expiry?: string
  /** What is wrong, in Kubernetes' words. */
  readonly trouble?: string
  readonly revision?: number
  readonly releaseStatus?: string
  readonly pods: readonly PodStatus[]
  /** The last ones, oldest first. */
  readonly events: readonly {
    readonly at: string
    readonly type: string
    readonly reason: string
    readonly object: string
    readonly message: string
  }[]
  /** Of control plane and workloads; absent where the host has no metrics API. */
  readonly usage?: { readonly cpuMillicores: number; readonly memoryBytes: number }
}

interface PodStatus {
  readonly name: string
  readonly phase: string
  readonly ready: boolean
  readonly restarts: number
  readonly node?: string
}

interface PodMetrics extends KubeObject {
  readonly containers?: readonly { readonly usage?: { readonly cpu?: string; readonly memory?: string } }[]
}

const lastEvents = 20
/** Use is told where it is known at once, milliseconds. */
const patience = 2_000

/** One cluster as it is now. Fails with `no-such-cluster`, `ambiguous-cluster` and the errors of the host; no metrics are no failure. */
export async function clusterStatus(
  session: Session,
  name: string,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<ClusterStatus> {
  const found = await findCluster(session, name, namespace, signal)
  const [events, usage] = await Promise.all([
    session.host.list<Event>(paths.events(found.namespace), {}, signal),
    usageOf(session, found.namespace, signal),
  ])
  const sorted = inOrder(events)
  const line = listed(session, found)
  const trouble =
    line.phase === 'Running' || line.phase === 'Paused'
      ? undefined
      : troubleOf(found.pods, found.claims, sorted)
  const [latest] = found.revisions
  return {
    ...line,
    ...(line.left !== undefined && { expiry: leftInWords(line.left) }),
    ...(trouble !== undefined && { trouble: trouble.text }),
    ...(latest !== undefined && { revision: latest.revision, releaseStatus: latest.status }),
    pods: found.pods.map(pod => ({
      name: pod.metadata.name,
      phase: pod.status?.phase ?? 'Unknown',
      ready: isReady(pod),
      restarts: (pod.status?.containerStatuses ?? []).reduce((sum, one) => sum + (one.restartCount ?? 0), 0),
      ...(pod.spec?.nodeName !== undefined && { node: pod.spec.nodeName }),
    })),
    events: sorted.slice(-lastEvents).map(event => ({
      at: timeOf(event),
      type: event.type ?? '',
      reason: event.reason ?? '',
      object: `${event.involvedObject?.kind ?? ''}/${event.involvedObject?.name ?? ''}`,
      message: event.message ?? '',
    })),
    ...(usage !== undefined && { usage }),
  }
}

/** From the metrics API; undefined where there is none, or it may not be read. */
async function usageOf(
  session: Session,
  namespace: string,
  signal: AbortSignal,
): Promise<ClusterStatus['usage']> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/pods`
  // one that is declared and does not run answers 503 for as long as it is asked
  const limited = AbortSignal.any([signal, timeLimit(patience)])
  // a cluster without a metrics API has no such list
  const pods = await session.host.list<PodMetrics>(path, {}, limited).catch(() => [])
  signal.throwIfAborted()
  if (pods.length === 0) return undefined
  const containers = pods.flatMap(pod => pod.containers ?? [])
  const total = (what: 'cpu' | 'memory') =>
    containers.reduce((sum, { usage }) => sum + amountOf(usage?.[what] ?? '0'), 0)
  return { cpuMillicores: Math.round(total('cpu') * 1000), memoryBytes: Math.round(total('memory')) }
}
