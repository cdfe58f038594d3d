/** Rules between the fields of a VirtualCluster. */
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { KindMeta, Problem } from '../../kind.js'
import { parseDuration } from './duration.js'
import { contradictions } from './shortcuts.js'

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
/** Room for what Kubernetes and the chart append: `NAME-headless`, `data-NAME-0`, a revision's hash. */
const longestName = 48
const kept = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/** What is wrong with a spec beyond its schema, each with its path in the document. */
export function checkSpec(spec: Attributes, meta: KindMeta): readonly Problem[] {
  const problems: Problem[] = []
  const add = (path: readonly (string | number)[], code: string, message: string, hint?: string) =>
    problems.push({ path, code, message, ...(hint !== undefined && { hint }) })

  if (!label.test(meta.name) || meta.name.length > longestName)
    add(
      ['metadata', 'name'],
      'invalid-name',
      `${meta.name} is no name for a virtual cluster`,
      `use at most ${longestName} lower-case letters, digits and dashes, beginning and ending with a letter or digit`,
    )
  const { namespace } = spec
  if (typeof namespace === 'string' && (!label.test(namespace) || namespace.length > 63))
    add(['spec', 'namespace'], 'invalid-namespace', `${namespace} is no name for a namespace`)
  if (typeof namespace === 'string' && kept.includes(namespace) && spec.createNamespace !== false)
    add(
      ['spec', 'namespace'],
      'protected-namespace',
      `${namespace} is not infra's to make or remove`,
      'take another namespace, or say createNamespace: false',
    )

  const chart = isObject(spec.chart) ? spec.chart : {}
  const sources = ['repository', 'oci', 'path'].filter(source => chart[source] !== undefined)
  if (sources.length > 1)
    add(
      ['spec', 'chart', sources[1] ?? ''],
      'two-charts',
      `the chart comes from ${sources.join(' and from ')}`,
      'name one of repository, oci and path',
    )
  if (chart.path !== undefined && chart.name !== undefined)
    add(['spec', 'chart', 'name'], 'unused-name', 'a chart in a folder needs no name')

  for (const { field, value } of contradictions(spec))
    add(
      ['spec', ...field],
      'said-twice',
      `${field.join('.')} and values.${value.join('.')} contradict each other`,
      'keep one of them',
    )

  if (zero(spec.ttl)) add(['spec', 'ttl'], 'no-time', 'a time to live of nothing would delete it at once')
  if (zero(spec.readinessTimeout))
    add(['spec', 'readinessTimeout'], 'no-time', 'nothing becomes ready in no time')
  const kubeconfig = isObject(spec.kubeconfig) ? spec.kubeconfig : {}
  const expiry =
    typeof kubeconfig.tokenExpiry === 'string' ? parseDuration(kubeconfig.tokenExpiry) : undefined
  if (expiry !== undefined && expiry < 600)
    add(
      ['spec', 'kubeconfig', 'tokenExpiry'],
      'short-token',
      'Kubernetes gives tokens for ten minutes or more',
    )

  const expose = isObject(spec.expose) ? spec.expose : {}
  if (expose.nodePort !== undefined && expose.type !== 'NodePort' && expose.type !== 'LoadBalancer')
    add(['spec', 'expose', 'nodePort'], 'unused-port', 'a node port needs type NodePort or LoadBalancer')
  if (expose.host !== undefined && expose.ingress === false)
    add(['spec', 'expose', 'host'], 'unused-host', 'a host name needs ingress: true')
  if (expose.ingress === true && expose.host === undefined)
    add(['spec', 'expose', 'ingress'], 'no-host', 'an Ingress needs a host name', 'set expose.host')

  const store = spec.backingStore ?? 'sqlite'
  if (store === 'sqlite' && typeof spec.replicas === 'number' && spec.replicas > 1)
    add(
      ['spec', 'replicas'],
      'one-replica',
      'sqlite serves one replica only',
      'set backingStore: etcd, or an external store',
    )
  return problems
}

function zero(value: Json | undefined): boolean {
  return typeof value === 'string' && parseDuration(value) === 0
}
