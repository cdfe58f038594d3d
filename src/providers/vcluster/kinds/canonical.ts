/** A VirtualCluster's spec with every default, unit and spelling made canonical. */
import { type Attributes, isObject, isUnresolved, type Json } from '../../../model/value.js'
import type { KindMeta } from '../../kind.js'
import { canonicalDuration } from './duration.js'
import { lift } from './shortcuts.js'
import { mergeValues, type Values, withoutEmpty } from './tree.js'

/** The chart that is installed where none is named. */
export const defaultChart = {
  name: 'vcluster',
  repository: 'https://charts.loft.sh',
  version: '0.36.1',
} as const

/** The namespace of a cluster that names none; the same as the vcluster tool chooses. */
export function defaultNamespace(name: string): string {
  return `vcluster-${name}`
}

/** The one form of a spec: what values say of a typed field moves there, quantities are spelled one way, defaults are filled in. */
export function canonicalSpec(spec: Attributes, meta: KindMeta): Attributes {
  const { values, valuesFiles } = mergedValues(spec)
  const lifted = lift({ ...spec, values: isUnresolved(spec.values) ? spec.values : values })
  const { valuesFiles: _, ...rest } = lifted
  return {
    ...rest,
    ...(valuesFiles.length > 0 && { valuesFiles }),
    namespace: spec.namespace ?? defaultNamespace(meta.name),
    createNamespace: spec.createNamespace ?? true,
    chart: chartOf(spec.chart),
    ...(lifted.kubernetesVersion !== undefined && { kubernetesVersion: version(lifted.kubernetesVersion) }),
    ...(isObject(lifted.resources) && {
      resources: isUnresolved(lifted.resources) ? lifted.resources : quantities(lifted.resources),
    }),
    ...(isObject(lifted.expose) && { expose: exposeOf(lifted.expose) }),
    ...(isObject(lifted.sync) && {
      sync: isUnresolved(lifted.sync) ? lifted.sync : withoutEmpty(lifted.sync),
    }),
    ttl: duration(spec.ttl, 'none'),
    paused: spec.paused ?? false,
    kubeconfig: kubeconfigOf(lifted.kubeconfig),
    readinessTimeout: duration(spec.readinessTimeout, '5m'),
    handChanges: 'none',
  }
}

/** Files whose contents were read, then the inline values over them; files that were not read stay named. */
function mergedValues(spec: Attributes): { values: Values; valuesFiles: readonly Json[] } {
  const files = Array.isArray(spec.valuesFiles) ? (spec.valuesFiles as readonly Json[]) : []
  let values: Values = {}
  for (const file of files)
    if (isObject(file) && isObject(file.content)) values = mergeValues(values, file.content)
  const inline = isObject(spec.values) && !isUnresolved(spec.values) ? spec.values : {}
  return {
    values: mergeValues(values, inline),
    valuesFiles: files.filter(file => !isObject(file) || isUnresolved(file)),
  }
}

function chartOf(chart: Json | undefined): Json {
  if (isUnresolved(chart)) return chart
  const given = isObject(chart) ? chart : {}
  const elsewhere = given.oci !== undefined || given.path !== undefined
  return {
    ...(elsewhere ? {} : { name: defaultChart.name, repository: defaultChart.repository }),
    ...(given.path === undefined && { version: defaultChart.version }),
    ...given,
    ...(typeof given.version === 'string' && { version: given.version.replace(/^v/, '') }),
  }
}

/** An Ingress that is not wanted is the same as none. */
function exposeOf(expose: Attributes): Json {
  if (isUnresolved(expose)) return expose
  const { ingress, ...rest } = expose
  return { ...rest, ...(ingress !== undefined && ingress !== false && { ingress }) }
}

function kubeconfigOf(kubeconfig: Json | undefined): Json {
  if (!isObject(kubeconfig) || isUnresolved(kubeconfig)) return kubeconfig ?? {}
  const { tokenExpiry, ...rest } = kubeconfig
  return { ...rest, ...(tokenExpiry !== undefined && { tokenExpiry: duration(tokenExpiry, '') }) }
}

function duration(value: Json | undefined, fallback: string): Json {
  if (value === undefined) return fallback
  return typeof value === 'string' ? canonicalDuration(value) : value
}

/** Image tags of Kubernetes begin with a v. */
function version(value: Json): Json {
  return typeof value === 'string' && /^\d/.test(value) ? `v${value}` : value
}

/** Quantities as text: `2` and `"2"` are the same amount. */
function quantities(resources: Attributes): Json {
  const text = (value: Json): Json => {
    if (typeof value === 'number') return String(value)
    if (!isObject(value) || isUnresolved(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, text(below)]))
  }
  return text(resources)
}
