/** Waiting until a virtual cluster is ready: pods, the kubeconfig's Secret, and an answer to `/readyz` through it. */
import { InfraError } from '../../model/error.js'
import type { Target } from '../provider.js'
import type { Claim, Event, Pod, Service, Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { parseDuration } from './kinds/duration.js'
import type { Place } from './place.js'
import type { Session } from './session.js'
import type { Found } from './snapshot.js'
import { inOrder, isReady, stageOf, troubleOf } from './trouble.js'

/** The readiness timeout of a spec, milliseconds. */
export function timeoutOf(target: Pick<Target, 'spec'>): number {
  const { readinessTimeout } = target.spec
  return ((typeof readinessTimeout === 'string' ? parseDuration(readinessTimeout) : undefined) ?? 300) * 1000
}

/** One cluster's objects, read directly. */
export async function readOne(session: Session, place: Place, signal: AbortSignal): Promise<Found> {
  const { host } = session
  const { namespace, name } = place
  const mine = { labelSelector: `app=vcluster,release=${name}` }
  const [statefulSet, deployment, pods, claims, service] = await Promise.all([
    host.get<Workload>(paths.statefulSets(namespace, name), signal),
    host.get<Workload>(paths.deployments(namespace, name), signal),
    host.list<Pod>(paths.pods(namespace), mine, signal),
    host.list<Claim>(paths.claims(namespace), mine, signal),
    host.get<Service>(paths.services(namespace, name), signal),
  ])
  const workload = statefulSet ?? deployment
  return {
    namespace,
    name,
    revisions: [],
    pods,
    claims,
    objects: {},
    ...(workload !== undefined && { workload }),
    ...(workload !== undefined && {
      workloadKind: statefulSet === undefined ? ('Deployment' as const) : ('StatefulSet' as const),
    }),
    ...(service !== undefined && { service }),
  }
}

interface Look {
  readonly found: Found
  /** Ready, and it has answered. */
  readonly ready: boolean
  /** Its pods are those of its spec, and ready. */
  readonly settled: boolean
  /** How far it is, in words. */
  readonly state: string
  readonly why?: string
}

/** One look at whether it is ready and answers. A kubeconfig that does is written. */
export async function lookReady(
  session: Session,
  target: Pick<Target, 'spec'>,
  place: Place,
  signal: AbortSignal,
): Promise<Look> {
  const found = await readOne(session, place, signal)
  const wanted = found.workload?.spec.replicas ?? 1
  const { status, metadata } = found.workload ?? {}
  const settled =
    status?.observedGeneration === metadata?.generation &&
    (status?.updatedReplicas ?? wanted) >= wanted &&
    (status?.readyReplicas ?? 0) >= wanted &&
    found.pods.filter(isReady).length >= wanted
  if (!settled) return { found, ready: false, settled, state: stageOf(found.pods) }
  const answer = await session.kubeconfigs.refresh(target, found, signal)
  return {
    found,
    ready: answer !== undefined && answer.proof !== 'none',
    settled,
    state: answer === undefined ? 'waiting for its kubeconfig' : 'waiting for its API server to answer',
    ...(answer?.why !== undefined && { why: answer.why }),
  }
}

/** Resolves once it is ready and has answered; fails with what Kubernetes says. */
export async function waitReady(
  session: Session,
  target: Pick<Target, 'spec'>,
  place: Place,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<Found> {
  const { clock } = session.ports
  const timeout = timeoutOf(target)
  const began = clock.now()
  let said = ''
  for (let turn = 0; ; turn += 1) {
    const { found, ready, settled, state, why } = await lookReady(session, target, place, signal)
    if (ready) return found
    const late = clock.now() - began > timeout
    const trouble = settled ? undefined : await diagnose(session, found, late || turn % 4 === 3, signal)
    if (late || trouble?.hopeless === true)
      throw notReady(place, timeout, late, trouble?.text ?? why ?? state)
    const message = trouble?.text ?? state
    if (message !== said) progress(message)
    said = message
    await clock.sleep(turn < 10 ? 1_000 : 2_000, signal)
  }
}

/** What stands in the way. Events are read now and then only: they cost a list. */
async function diagnose(session: Session, found: Found, withEvents: boolean, signal: AbortSignal) {
  // an account that may not read them waits all the same; pods tell the most of it
  const events = withEvents
    ? await session.host.list<Event>(paths.events(found.namespace), {}, signal).catch(() => [])
    : []
  return troubleOf(found.pods, found.claims, inOrder(events))
}

function notReady(place: Place, timeout: number, late: boolean, why: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cluster-not-ready',
    message: late
      ? `The virtual cluster ${place.name} is not ready after ${timeout / 1000} s.`
      : `The virtual cluster ${place.name} cannot become ready.`,
    why,
    hint: `kubectl describe pods -n ${place.namespace}; a slow host may need a longer spec.readinessTimeout`,
  })
}
