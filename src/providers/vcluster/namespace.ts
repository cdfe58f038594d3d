/** The namespace of a virtual cluster: made and marked, or only used; removed, and what holds it named. */
import { InfraError } from '../../model/error.js'
import type { Owner } from '../provider.js'
import { hasCode } from './client/errors.js'
import type { Namespace, Workload } from './client/objects.js'
import { paths } from './client/paths.js'
import { marks, ownerOf } from './marks.js'
import type { Session } from './session.js'
import { terminating } from './told.js'

export interface NamespaceRequest {
  readonly namespace: string
  readonly name: string
  readonly make: boolean
  readonly owner: Owner
  readonly identity: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/** Makes the namespace with infra's marks, or finds it there. Another's namespace is not taken over. */
export async function ensureNamespace(
  session: Session,
  request: NamespaceRequest,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { host, ports } = session
  const { namespace } = request
  const path = paths.namespace(namespace)
  let there = await host.get<Namespace>(path, signal)
  const began = ports.clock.now()
  while (there?.metadata.deletionTimestamp !== undefined) {
    if (ports.clock.now() - began > session.removal) throw stuck(there)
    progress(`waiting for namespace ${namespace} to be gone`)
    await ports.clock.sleep(1_000, signal)
    there = await host.get<Namespace>(path, signal)
  }
  if (there === undefined) {
    if (!request.make)
      throw new InfraError({
        kind: 'operation',
        code: 'no-namespace',
        message: `There is no namespace ${namespace} in ${host.name}.`,
        hint: 'make it, or leave out createNamespace: false',
      })
    try {
      await host.create(paths.namespaces, namespaceObject(request), signal)
      return
    } catch (error) {
      if (!hasCode(error, 'host-object-exists')) throw error
      there = await host.get<Namespace>(path, signal)
    }
  }
  await refuseOthers(session, request, signal)
  const owner = there === undefined ? undefined : ownerOf(there)
  const same =
    owner?.lineage === request.owner.lineage && there?.metadata.annotations?.[marks.made] === request.name
  if (request.make && !same)
    throw new InfraError({
      kind: 'operation',
      code: 'namespace-taken',
      message: `The namespace ${namespace} is there and not infra's to own.`,
      ...(owner !== undefined && { why: `it belongs to ${owner.address} of another stack` }),
      hint: 'take another with spec.namespace, or use it as it is with createNamespace: false',
    })
}

/** vCluster takes one virtual cluster a namespace. */
async function refuseOthers(session: Session, request: NamespaceRequest, signal: AbortSignal): Promise<void> {
  const lists = await Promise.all(
    [paths.statefulSets, paths.deployments].map(path =>
      session.host.list<Workload>(path(request.namespace), { labelSelector: 'app=vcluster' }, signal, true),
    ),
  )
  const other = lists.flat().find(workload => workload.metadata.labels?.release !== request.name)
  if (other !== undefined)
    throw new InfraError({
      kind: 'operation',
      code: 'namespace-occupied',
      message: `The virtual cluster ${other.metadata.labels?.release} is in namespace ${request.namespace} already.`,
      why: 'vCluster takes one virtual cluster a namespace',
      hint: 'take another with spec.namespace',
    })
}

/** Marks on a namespace that is infra's, as labels change. */
export async function labelNamespace(
  session: Session,
  request: NamespaceRequest,
  before: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { metadata } = namespaceObject(request)
  const gone = Object.fromEntries(
    before.filter(name => request.labels[name] === undefined).map(name => [name, null]),
  )
  await session.host.patch(
    paths.namespace(request.namespace),
    { metadata: { ...metadata, labels: { ...gone, ...metadata.labels } } },
    signal,
  )
}

function namespaceObject(request: NamespaceRequest) {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: request.namespace,
      labels: { ...request.labels, [marks.lineage]: request.owner.lineage },
      annotations: {
        [marks.address]: request.owner.address,
        [marks.identity]: JSON.stringify(request.identity),
        [marks.made]: request.name,
        [marks.labels]: JSON.stringify(Object.keys(request.labels)),
      },
    },
  }
}

/** Removes a namespace that infra made, and waits until it is gone. One that is not infra's is left. */
export async function removeNamespace(
  session: Session,
  namespace: string,
  name: string,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const { host, ports } = session
  const path = paths.namespace(namespace)
  let there = await host.get<Namespace>(path, signal)
  if (there === undefined) return true
  if (there.metadata.annotations?.[marks.made] !== name || ownerOf(there) === undefined) return false
  const began = ports.clock.now()
  await host.remove(path, signal)
  for (;;) {
    there = await host.get<Namespace>(path, signal)
    if (there === undefined) return true
    if (ports.clock.now() - began > session.removal) throw stuck(there)
    progress(terminating(there) ?? `removing namespace ${namespace}`)
    await ports.clock.sleep(1_000, signal)
  }
}

function stuck(there: Namespace): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'namespace-stuck',
    message: `The namespace ${there.metadata.name} does not go away.`,
    why: terminating(there) ?? 'Kubernetes does not say why',
    hint: `remove what holds it (\`kubectl get all -n ${there.metadata.name}\`, and the finalizers named above), then run again`,
  })
}
