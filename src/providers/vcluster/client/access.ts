/** Whether the account may do all that a change needs: asked of the host before anything is made. */
import { InfraError } from '../../../model/error.js'
import type { Host } from './host.js'
import type { KubeObject } from './objects.js'
import { paths } from './paths.js'

interface Need {
  readonly group: string
  readonly resource: string
  readonly verbs: readonly string[]
  /** An object without a namespace. */
  readonly cluster?: true
}

const make = ['get', 'create', 'patch', 'delete'] as const

/** What `helm upgrade --install`, reading and waiting need. */
const changeNeeds: readonly Need[] = [
  { group: '', resource: 'secrets', verbs: [...make, 'list', 'update'] },
  { group: '', resource: 'services', verbs: make },
  { group: '', resource: 'serviceaccounts', verbs: make },
  { group: '', resource: 'pods', verbs: ['list'] },
  { group: '', resource: 'events', verbs: ['list'] },
  { group: '', resource: 'persistentvolumeclaims', verbs: ['list', 'create', 'delete'] },
  { group: 'apps', resource: 'statefulsets', verbs: [...make, 'list'] },
  { group: 'apps', resource: 'deployments', verbs: [...make, 'list'] },
  { group: 'rbac.authorization.k8s.io', resource: 'roles', verbs: make },
  { group: 'rbac.authorization.k8s.io', resource: 'rolebindings', verbs: make },
]

/** What the namespace, and a delete that keeps its volume, need. */
const namespaceNeeds: readonly Need[] = [
  { group: '', resource: 'namespaces', verbs: ['get', 'create', 'patch', 'delete'], cluster: true },
]
const volumeNeeds: readonly Need[] = [
  { group: '', resource: 'persistentvolumes', verbs: ['get', 'patch', 'delete'], cluster: true },
]

interface Review extends KubeObject {
  readonly status?: { readonly allowed?: boolean }
}

/** Fails with the rules to add where the account lacks a verb. All questions are asked at once. */
export async function requireAccess(
  host: Host,
  namespace: string,
  scope: { readonly namespace: boolean; readonly volumes: boolean },
  signal: AbortSignal,
): Promise<void> {
  const needs = [
    ...changeNeeds,
    ...(scope.namespace ? namespaceNeeds : []),
    ...(scope.volumes ? volumeNeeds : []),
  ]
  const answers = await Promise.all(
    needs.flatMap(need =>
      need.verbs.map(async verb => ({
        need,
        verb,
        allowed: await allowed(host, need, verb, namespace, signal),
      })),
    ),
  )
  const missing = answers.filter(answer => !answer.allowed)
  if (missing.length === 0) return
  const rules = needs
    .map(need => ({ need, verbs: missing.filter(answer => answer.need === need).map(answer => answer.verb) }))
    .filter(rule => rule.verbs.length > 0)
  throw new InfraError({
    kind: 'connection',
    code: 'host-access-missing',
    message: `The account of ${host.name} lacks rights in namespace ${namespace}; nothing was changed.`,
    why: rules.map(rule => `it may not ${rule.verbs.join(', ')} ${rule.need.resource}`).join('; '),
    hint: `add to its ClusterRole:\n${rules
      .map(
        rule =>
          `  - { apiGroups: ["${rule.need.group}"], resources: ["${rule.need.resource}"], verbs: [${rule.verbs.map(verb => `"${verb}"`).join(', ')}] }`,
      )
      .join('\n')}`,
  })
}

async function allowed(
  host: Host,
  need: Need,
  verb: string,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  const review = await host.create<Review>(
    paths.access,
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          group: need.group,
          resource: need.resource,
          verb,
          ...(need.cluster !== true && { namespace }),
        },
      },
    },
    signal,
  )
  return review.status?.allowed === true
}
