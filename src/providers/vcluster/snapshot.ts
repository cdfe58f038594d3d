/** All virtual clusters of a host in a fixed number of list calls, whatever their number. */

import { hasCode } from './client/errors.js'
import type { Host } from './client/host.js'
import type { Claim, KubeObject, Namespace, Pod, Service, Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { type Revision, revisionOf } from './helm/release.js'
import { marks } from './marks.js'
import { keyOf } from './place.js'

/** What is in the host for one `namespace/name`. */
export interface Found {
  readonly namespace: string
  readonly name: string
  readonly workload?: Workload
  readonly workloadKind?: 'StatefulSet' | 'Deployment'
  /** Newest first. */
  readonly revisions: readonly Revision[]
  readonly pods: readonly Pod[]
  readonly claims: readonly Claim[]
  readonly service?: Service
  /** Version of the Secret that holds its kubeconfig. */
  readonly kubeconfigVersion?: string
  /** `Kind/name` → generation or resource version of what the release made. */
  readonly objects: Readonly<Record<string, string>>
}

export interface Snapshot {
  /** By `namespace/name`. */
  readonly clusters: ReadonlyMap<string, Found>
  /** Namespaces that carry infra's mark, or that a target names. */
  readonly namespaces: ReadonlyMap<string, Namespace>
}

const ours = { labelSelector: 'app=vcluster' }
const rbac = '/apis/rbac.authorization.k8s.io/v1'

/**
 * One list call a kind for the whole host, all at once. An account that may not list the whole host is asked namespace by
 * namespace, for those of the targets. With `only`, one namespace is looked at and no other.
 */
export async function takeSnapshot(
  host: Host,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
  only?: string,
): Promise<Snapshot> {
  const everywhere = async <T extends KubeObject>(
    plural: string,
    group: string,
    query: object,
    metadataOnly = false,
  ) => {
    try {
      const where = only === undefined ? group : `${group}/namespaces/${encodeURIComponent(only)}`
      return await host.list<T>(`${where}/${plural}`, { ...query }, signal, metadataOnly)
    } catch (error) {
      if (!hasCode(error, 'host-forbidden')) throw error
      const parts = await Promise.all(
        [...wanted].map(namespace =>
          host.list<T>(
            `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}`,
            { ...query },
            signal,
            metadataOnly,
          ),
        ),
      )
      return parts.flat()
    }
  }
  const [
    statefulSets,
    deployments,
    pods,
    services,
    claims,
    secrets,
    accounts,
    roles,
    bindings,
    releases,
    namespaces,
  ] = await Promise.all([
    everywhere<Workload>('statefulsets', '/apis/apps/v1', ours),
    everywhere<Workload>('deployments', '/apis/apps/v1', ours),
    everywhere<Pod>('pods', '/api/v1', ours),
    everywhere<Service>('services', '/api/v1', ours),
    everywhere<Claim>('persistentvolumeclaims', '/api/v1', ours),
    everywhere<KubeObject>('secrets', '/api/v1', ours, true),
    everywhere<KubeObject>('serviceaccounts', '/api/v1', ours, true),
    everywhere<KubeObject>('roles', rbac, ours, true),
    everywhere<KubeObject>('rolebindings', rbac, ours, true),
    everywhere<KubeObject>('secrets', '/api/v1', { labelSelector: 'owner=helm' }, true),
    readNamespaces(host, wanted, signal),
  ])

  const clusters = new Map<string, Builder>()
  const at = (object: KubeObject, name = object.metadata.labels?.release) => {
    if (name === undefined) return undefined
    const namespace = object.metadata.namespace ?? ''
    const key = keyOf({ namespace, name })
    let found = clusters.get(key)
    if (found === undefined) {
      found = { namespace, name, revisions: [], pods: [], claims: [], objects: {} }
      clusters.set(key, found)
    }
    return found
  }
  const note = (kind: string, object: KubeObject, version: string | undefined) => {
    const found = at(object)
    if (found !== undefined) found.objects[`${kind}/${object.metadata.name}`] = version ?? ''
    return found
  }
  for (const [kind, workloads] of [
    ['StatefulSet', statefulSets],
    ['Deployment', deployments],
  ] as const)
    for (const workload of workloads) {
      const found = note(kind, workload, String(workload.metadata.generation))
      if (found === undefined || workload.metadata.name !== found.name) continue
      found.workload = workload
      found.workloadKind = kind
    }
  for (const [kind, objects] of [
    ['Secret', secrets],
    ['ServiceAccount', accounts],
    ['Role', roles],
    ['RoleBinding', bindings],
  ] as const)
    for (const object of objects) note(kind, object, object.metadata.resourceVersion)
  for (const secret of secrets) {
    const name = secret.metadata.labels?.['vcluster-name']
    if (name === undefined || secret.metadata.name !== `vc-${name}`) continue
    const found = at(secret, name)
    if (found !== undefined) found.kubeconfigVersion = secret.metadata.resourceVersion ?? ''
  }
  for (const service of services) {
    const found = note('Service', service, service.metadata.resourceVersion)
    if (found !== undefined && service.metadata.name === found.name) found.service = service
  }
  for (const pod of pods) at(pod)?.pods.push(pod)
  for (const claim of claims) at(claim)?.claims.push(claim)
  for (const secret of releases) {
    const revision = revisionOf(secret)
    const found = revision === undefined ? undefined : clusters.get(keyOf(revision))
    if (revision === undefined) continue
    // A release of another chart has no object with the label of this one; it counts only where a target asks for it.
    if (found !== undefined) found.revisions.push(revision)
    else if (wanted.has(revision.namespace)) at(secret, revision.name)?.revisions.push(revision)
  }
  for (const found of clusters.values()) found.revisions.sort((a, b) => b.revision - a.revision)
  return { clusters, namespaces }
}

interface Builder {
  readonly namespace: string
  readonly name: string
  workload?: Workload
  workloadKind?: 'StatefulSet' | 'Deployment'
  readonly revisions: Revision[]
  readonly pods: Pod[]
  readonly claims: Claim[]
  service?: Service
  kubeconfigVersion?: string
  readonly objects: { [key: string]: string }
}

/** Marked namespaces in one call; those of targets that carry no mark, one by one only where there are few. */
async function readNamespaces(
  host: Host,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Namespace>> {
  const one = async (name: string) =>
    host.get<Namespace>(paths.namespace(name), signal).catch(error => {
      if (hasCode(error, 'host-forbidden')) return undefined
      throw error
    })
  const selector = wanted.size > 0 ? {} : { labelSelector: marks.lineage }
  let namespaces: readonly (Namespace | undefined)[]
  try {
    namespaces = await host.list<Namespace>(paths.namespaces, selector, signal)
  } catch (error) {
    if (!hasCode(error, 'host-forbidden')) throw error
    namespaces = await Promise.all([...wanted].map(one))
  }
  return new Map(
    namespaces
      .filter(namespace => namespace !== undefined)
      .map(namespace => [namespace.metadata.name, namespace]),
  )
}
