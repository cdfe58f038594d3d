/**
 * The typed fields that stand for chart values. They can be written either way; canonical specs always carry the field, so
 * that equal meaning is equal data. Paths are those of the chart's values since 0.20.
 */
import { type Attributes, isObject, isUnresolved, type Json, sameValue } from '../../../model/value.js'
import { type Values, valueAt, withoutEmpty, withoutValue, withValue } from './tree.js'

interface Shortcut {
  readonly field: readonly string[]
  readonly value: readonly string[]
  /** What the chart does where neither is written. A canonical spec always has it. */
  readonly default?: Json
}

const workload = ['controlPlane', 'statefulSet']

/** One field, one value. */
export const shortcuts: readonly Shortcut[] = [
  { field: ['replicas'], value: [...workload, 'highAvailability', 'replicas'], default: 1 },
  { field: ['storage', 'size'], value: [...workload, 'persistence', 'volumeClaim', 'size'], default: '5Gi' },
  { field: ['storage', 'class'], value: [...workload, 'persistence', 'volumeClaim', 'storageClass'] },
  { field: ['resources'], value: [...workload, 'resources'] },
  { field: ['kubernetesVersion'], value: ['controlPlane', 'distro', 'k8s', 'image', 'tag'] },
  { field: ['expose', 'type'], value: ['controlPlane', 'service', 'spec', 'type'], default: 'ClusterIP' },
  { field: ['expose', 'nodePort'], value: ['controlPlane', 'service', 'httpsNodePort'] },
  { field: ['expose', 'host'], value: ['controlPlane', 'ingress', 'host'] },
  { field: ['kubeconfig', 'server'], value: ['exportKubeConfig', 'server'] },
]

/** Where each backing store is switched on. `sqlite` is what the chart takes where none is. */
const stores = {
  sqlite: ['database', 'embedded'],
  etcd: ['etcd', 'deploy'],
  'embedded-etcd': ['etcd', 'embedded'],
  'external-etcd': ['etcd', 'external'],
  'external-database': ['database', 'external'],
} as const
const storePath = (store: keyof typeof stores) => [
  'controlPlane',
  'backingStore',
  ...stores[store],
  'enabled',
]
export const storeNames = Object.keys(stores) as (keyof typeof stores)[]

/** Where the spec sets a field and the values say something else for the same thing. */
export function contradictions(spec: Attributes): { field: readonly string[]; value: readonly string[] }[] {
  const values = asValues(spec.values)
  return shortcuts.filter(({ field, value }) => {
    const written = valueAt(spec, field)
    const inValues = valueAt(values, value)
    if (written === undefined || inValues === undefined || isUnresolved(written) || isUnresolved(inValues))
      return false
    return !sameValue(written, inValues)
  })
}

/** Moves what the values say for a typed field into the field, and fills in the defaults. A field that is written wins. */
export function lift(spec: Attributes): Attributes {
  let values = asValues(spec.values)
  let result: Values = spec
  for (const { field, value, default: fallback } of shortcuts) {
    const found = valueAt(values, value)
    values = withoutValue(values, value)
    if (field.length > 1 && isUnresolved(result[field[0] ?? ''])) continue
    const written = valueAt(result, field) ?? (unset(found) ? undefined : found) ?? fallback
    if (written !== undefined && written !== '') result = withValue(result, field, written)
  }
  // The image's tag is the newer spelling of the chart's deprecated `version`.
  const old = ['controlPlane', 'distro', 'k8s', 'version']
  const version = valueAt(values, old)
  if (typeof version === 'string') {
    values = withoutValue(values, old)
    if (version !== '') result = withValue(result, ['kubernetesVersion'], version)
  }
  let store = result.backingStore
  for (const name of storeNames) {
    const enabled = valueAt(values, storePath(name))
    if (typeof enabled !== 'boolean') continue
    values = withoutValue(values, storePath(name))
    if (enabled) store ??= name
  }
  const ingress = valueAt(values, ['controlPlane', 'ingress', 'enabled'])
  if (typeof ingress === 'boolean') {
    values = withoutValue(values, ['controlPlane', 'ingress', 'enabled'])
    if (ingress && valueAt(result, ['expose', 'ingress']) === undefined)
      result = withValue(result, ['expose', 'ingress'], true)
  }
  for (const side of ['toHost', 'fromHost']) {
    const entries = valueAt(values, ['sync', side])
    if (!isObject(entries) || isUnresolved(entries)) continue
    for (const [name, entry] of Object.entries(entries)) {
      const enabled = isObject(entry) ? entry.enabled : undefined
      if (typeof enabled !== 'boolean') continue
      values = withoutValue(values, ['sync', side, name, 'enabled'])
      if (valueAt(result, ['sync', side, name]) === undefined)
        result = withValue(result, ['sync', side, name], enabled)
    }
  }
  return {
    ...result,
    backingStore: store ?? 'sqlite',
    values: isUnresolved(spec.values) ? spec.values : withoutEmpty(values),
  }
}

/** What the chart's own values file has in the place of nothing. */
function unset(value: Json | undefined): boolean {
  return value === '' || value === null || value === 0
}

/** The values that Helm is to be given for a canonical spec: the opposite of `lift`, without the chart's own defaults. */
export function lower(spec: Attributes): Values {
  let values = asValues(spec.values)
  for (const { field, value, default: fallback } of shortcuts) {
    const written = valueAt(spec, field)
    if (written !== undefined && written !== fallback) values = withValue(values, value, written)
  }
  const store = storeNames.find(name => name === spec.backingStore)
  if (store !== undefined && store !== 'sqlite') values = withValue(values, storePath(store), true)
  if (valueAt(spec, ['expose', 'ingress']) === true)
    values = withValue(values, ['controlPlane', 'ingress', 'enabled'], true)
  for (const side of ['toHost', 'fromHost']) {
    const entries = valueAt(spec, ['sync', side])
    if (!isObject(entries) || isUnresolved(entries)) continue
    for (const [name, enabled] of Object.entries(entries))
      values = withValue(values, ['sync', side, name, 'enabled'], enabled)
  }
  return withoutEmpty(values)
}

function asValues(value: Json | undefined): Values {
  return isObject(value) && !isUnresolved(value) ? value : {}
}
