/** What a host's objects say of a virtual cluster: its phase, its versions, and what stands in its way. */
import type { Namespace } from './client/objects.js'
import { marks, paused } from './marks.js'
import type { Found } from './snapshot.js'
import { isReady, troubleOf } from './trouble.js'

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

/** What a person should know of it beside its phase; undefined where there is nothing. */
export function remarkOf(found: Found, space: Namespace | undefined, owned: boolean): string | undefined {
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

/** The namespace where infra made it for this cluster. */
export function madeFor(space: Namespace | undefined, name: string): Namespace | undefined {
  return space?.metadata.annotations?.[marks.made] === name ? space : undefined
}
