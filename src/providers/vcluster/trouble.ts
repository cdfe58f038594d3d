/** Why a virtual cluster is not ready, in Kubernetes' own words. */
import type { Claim, Event, Pod } from './client/objects.js'

/** Reasons that no waiting mends. */
const hopeless = new Set([
  'InvalidImageName',
  'CreateContainerConfigError',
  'RunContainerError',
  'ErrImageNeverPull',
])

export interface Trouble {
  /** `pod v1-0: ImagePullBackOff: Back-off pulling image …` */
  readonly text: string
  readonly hopeless: boolean
}

/** What the pods and claims say, the most telling first; undefined where nothing is wrong yet. */
export function troubleOf(
  pods: readonly Pod[],
  claims: readonly Claim[],
  events: readonly Event[],
): Trouble | undefined {
  for (const pod of pods) {
    const name = pod.metadata.name
    const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
    for (const status of statuses) {
      const waiting = status.state?.waiting
      const reason = waiting?.reason
      if (reason === undefined || reason === 'PodInitializing' || reason === 'ContainerCreating') continue
      const last = status.lastState?.terminated
      const ended =
        last === undefined
          ? ''
          : ` (it ended with code ${last.exitCode ?? '?'}${last.message === undefined ? '' : `: ${tail(last.message)}`})`
      return {
        text: `pod ${name}, container ${status.name}: ${reason}: ${waiting?.message ?? ''}${ended}`,
        hopeless: hopeless.has(reason),
      }
    }
    const unscheduled = pod.status?.conditions?.find(
      condition => condition.type === 'PodScheduled' && condition.status === 'False',
    )
    if (unscheduled !== undefined)
      return {
        text: `pod ${name} is Pending: ${unscheduled.reason ?? ''}: ${unscheduled.message ?? ''}${claimTrouble(claims, events)}`,
        hopeless: false,
      }
    const failing = mostTelling(
      events.filter(event => event.type === 'Warning' && event.involvedObject?.name === name),
    )
    if (pod.status?.phase !== 'Running' && failing !== undefined)
      return { text: `pod ${name}: ${failing.reason ?? ''}: ${failing.message ?? ''}`, hopeless: false }
  }
  if (pods.length === 0) {
    const refused = mostTelling(events.filter(event => event.type === 'Warning'))
    if (refused !== undefined)
      return {
        text: `${refused.involvedObject?.kind ?? 'object'} ${refused.involvedObject?.name ?? ''}: ${refused.reason ?? ''}: ${refused.message ?? ''}`,
        hopeless: false,
      }
  }
  return undefined
}

/** Whether the pod counts as ready. */
export function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ===
    true
  )
}

/** What a pod is doing, in a word or two. */
export function stageOf(pods: readonly Pod[]): string {
  const [pod] = pods
  if (pod === undefined) return 'no pod yet'
  if (isReady(pod)) return `pod ${pod.metadata.name} is ready`
  const waiting = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
    .map(status => status.state?.waiting?.reason)
    .find(reason => reason !== undefined)
  return `pod ${pod.metadata.name} is ${waiting ?? pod.status?.phase ?? 'Pending'}`
}

/** Events, oldest first. */
export function inOrder(events: readonly Event[]): readonly Event[] {
  return [...events].sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
}

/** When it last happened (UTC, ISO 8601); nothing where the host does not tell. */
export function timeOf(event: Event): string {
  return event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''
}

/** Of the last few, the one that says most: `Failed to pull image …` rather than `Error: ErrImagePull`. */
function mostTelling(events: readonly Event[]): Event | undefined {
  return [...events.slice(-4)].sort((a, b) => (b.message ?? '').length - (a.message ?? '').length)[0]
}

function claimTrouble(claims: readonly Claim[], events: readonly Event[]): string {
  const pending = claims.find(claim => claim.status?.phase === 'Pending')
  if (pending === undefined) return ''
  const event = events.filter(one => one.involvedObject?.name === pending.metadata.name).at(-1)
  return `; claim ${pending.metadata.name} is Pending: ${event?.message ?? 'no volume yet'}`
}

function tail(text: string): string {
  return text.trim().slice(-300)
}
