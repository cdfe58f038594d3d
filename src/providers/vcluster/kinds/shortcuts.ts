/**
 * The typed fields that stand for chart values. They can be written either way; canonical specs always carry the field, so
 * that equal meaning is equal data. Paths are those of the chart's values since 0.20.
 */
import { type Attributes, isObject, isUnresolved, type Json, sameValue } from '../../../model/value.js'
import { type Values, valueAt, withoutEmpty, withoutValue, withValue } from './tree.js'

type Path = readonly string[]

interface Shortcut {
  readonly field: Path
  readonly value: Path
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

const oldVersion = ['controlPlane', 'distro', 'k8s', 'version']
const ingressPath = ['controlPlane', 'ingress', 'enabled']
const sides = ['toHost', 'fromHost']

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

/** What chart values say for a typed field. */
interface Said {
  readonly field: Path
  readonly value: Path
  /** The field's own spelling of it; undefined where the values leave it to the chart. */
  readonly says: Json | undefined
}

/** All that the values say for typed fields; of two that say the same field the first counts, as it does in the chart. */
function saidBy(values: Values): readonly Said[] {
  const said: Said[] = []
  // The chart's deprecated `version` goes before the image's tag
  for (const { field, value } of [{ field: ['kubernetesVersion'], value: oldVersion }, ...shortcuts]) {
    const found = valueAt(values, value)
    if (found !== undefined) said.push({ field, value, says: isUnset(found) ? undefined : found })
  }
  for (const name of storeNames) {
    const enabled = valueAt(values, storePath(name))
    const says = enabled === true ? name : undefined
    if (typeof enabled === 'boolean') said.push({ field: ['backingStore'], value: storePath(name), says })
  }
  const ingress = valueAt(values, ingressPath)
  if (typeof ingress === 'boolean')
    said.push({ field: ['expose', 'ingress'], value: ingressPath, says: ingress })
  for (const side of sides) {
    const entries = valueAt(values, ['sync', side])
    if (!isObject(entries) || isUnresolved(entries)) continue
    for (const name of Object.keys(entries)) {
      const value = ['sync', side, name, 'enabled']
      const says = valueAt(values, value)
      if (typeof says === 'boolean') said.push({ field: ['sync', side, name], value, says })
    }
  }
  return said
}

/** Where the spec sets a field and the values say something else for the same thing. */
export function contradictions(spec: Attributes): readonly { readonly field: Path; readonly value: Path }[] {
  return saidBy(asValues(spec.values)).filter(({ field, says }) => {
    const written = valueAt(spec, field)
    if (written === undefined || says === undefined || isUnresolved(written) || isUnresolved(says))
      return false
    return !sameValue(written, says)
  })
}

/** Moves what the values say for a typed field into the field, and fills in the defaults. A field that is written wins. */
export function lift(spec: Attributes): Attributes {
  let values = asValues(spec.values)
  let result: Values = spec
  const fill = (field: Path, value: Json | undefined) => {
    const isOpen = field.length === 1 || !isUnresolved(result[field[0] ?? ''])
    if (isOpen && value !== undefined && valueAt(result, field) === undefined)
      result = withValue(result, field, value)
  }
  for (const { field, value, says } of saidBy(values)) {
    values = withoutValue(values, value)
    fill(field, says)
  }
  for (const { field, default: fallback } of shortcuts) fill(field, fallback)
  fill(['backingStore'], 'sqlite')
  return { ...result, values: isUnresolved(spec.values) ? spec.values : withoutEmpty(values) }
}

/** What the chart's own values file has in the place of nothing. */
function isUnset(value: Json): boolean {
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
  if (valueAt(spec, ['expose', 'ingress']) === true) values = withValue(values, ingressPath, true)
  for (const side of sides) {
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
