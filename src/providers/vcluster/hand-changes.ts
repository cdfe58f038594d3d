/** What was changed behind the stack: values set with helm, and objects of the release changed or deleted with kubectl. */
import { loadAll } from 'js-yaml'
import { parse } from 'yaml'
import { isObject, type Json, sameValue } from '../../model/value.js'
import { readAnswer, unfit } from './client/answers.js'
import { hasCode } from './client/errors.js'
import type { Host } from './client/host.js'
import type { KubeObject, Secret } from './client/objects.js'
import type { ReleaseContent } from './helm/release.js'
import { amountOf } from './kinds/quantity.js'
import { compareLeaves, leaves, type Values, withoutEmpty } from './kinds/tree.js'

/** Where each kind that the chart makes is in the API. A kind that is not here is not looked at. */
const plurals: Readonly<Record<string, string>> = {
  Service: 'services',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  ServiceAccount: 'serviceaccounts',
  StatefulSet: 'statefulsets',
  Deployment: 'deployments',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
  ResourceQuota: 'resourcequotas',
  LimitRange: 'limitranges',
  PodDisruptionBudget: 'poddisruptionbudgets',
}
const withoutNamespace = new Set(['ClusterRole', 'ClusterRoleBinding'])

/** Values of these names are not told: nobody has declared whether they are secrets. */
const mayBeSecret = /pass|secret|token|key|credential|auth|datasource|dsn|env\b/i

/** Values that a release has beside, or lacks of, those that were given to it: `logging.encoding=json`. */
export function foreignValues(given: Values, released: Values): string[] {
  const now = withoutEmpty(released)
  const { added, removed } = compareLeaves(withoutEmpty(given), now)
  const values = new Map(leaves(now))
  return [
    ...added.map(
      path => `value ${path}${mayBeSecret.test(path) ? ' is set' : `=${JSON.stringify(values.get(path))}`}`,
    ),
    ...removed.map(path => `value ${path} is gone`),
  ]
}

/** Objects of the release that are missing, or differ from what the release made. */
export async function foreignObjects(
  host: Host,
  namespace: string,
  release: ReleaseContent,
  paused: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const objects = loadAll(release.manifest).filter(
    (object): object is KubeObject =>
      isObject(object as Json) && plurals[String((object as KubeObject).kind)] !== undefined,
  )
  const found = await Promise.all(
    objects.map(async object => {
      const name = `${object.kind}/${object.metadata.name}`
      const live = await host.get<KubeObject>(pathOf(object, namespace), signal).catch(async error => {
        if (hasCode(error, 'host-object-missing') && !(await isServed(host, object, signal))) return undefined
        throw error
      })
      if (live === undefined || live.metadata.deletionTimestamp !== undefined) return [`${name} is missing`]
      if (name.startsWith('Secret/vc-config-')) return configChanges(object as Secret, live as Secret)
      const expected = paused ? withoutReplicas(object) : object
      return differing(comparable(expected), live as unknown as Json, '').map(path => `${name}: ${path}`)
    }),
  )
  return found.flat().sort()
}

/** Whether the host still serves the API that an object was made by. */
async function isServed(host: Host, object: KubeObject, signal: AbortSignal): Promise<boolean> {
  const asked = { what: 'GET /apis', host: host.name }
  const { kind, groups } = readAnswer(await host.text('/apis', {}, signal), asked)
  if (kind !== 'APIGroupList' || !Array.isArray(groups)) throw unfit(asked, 'it is no list of APIs')
  const versions = (groups as readonly Group[]).flatMap(group => group.versions ?? [])
  const version = object.apiVersion ?? 'v1'
  return !version.includes('/') || versions.some(one => one.groupVersion === version)
}

interface Group {
  readonly versions?: readonly { readonly groupVersion?: string }[]
}

/** Values in the chart's own Secret that were edited there. */
function configChanges(expected: Secret, live: Secret): string[] {
  const name = `Secret/${live.metadata.name}`
  const [before, now] = [configOf(expected), configOf(live)]
  if (before === undefined || now === undefined) return [`${name}: config.yaml cannot be read`]
  const { added, removed, changed } = compareLeaves(before, now)
  return [...added, ...removed, ...changed].map(path => `${name}: ${path}`)
}

/** The values in it; undefined where it is no YAML, whose words nobody quotes: they may hold secrets. */
function configOf(secret: Secret): Values | undefined {
  const text = Buffer.from(secret.data?.['config.yaml'] ?? '', 'base64').toString('utf8')
  try {
    // It refuses aliases of aliases, which would grow without end where leaves are compared
    const value = parse(text) as Json | undefined
    return isObject(value) ? value : {}
  } catch {
    // a hand broke it
    return undefined
  }
}

function pathOf(object: KubeObject, namespace: string): string {
  const version = object.apiVersion ?? 'v1'
  const base = version.includes('/') ? `/apis/${version}` : `/api/${version}`
  const kind = object.kind ?? ''
  const plural = plurals[kind] ?? ''
  const where = withoutNamespace.has(kind)
    ? `${base}/${plural}`
    : `${base}/namespaces/${encodeURIComponent(object.metadata.namespace ?? namespace)}/${plural}`
  return `${where}/${encodeURIComponent(object.metadata.name)}`
}

/** What of a manifest is compared: not what the server owns, not metadata beside labels. */
function comparable(object: KubeObject): Json {
  const {
    metadata,
    apiVersion: _version,
    kind: _kind,
    ...rest
  } = object as KubeObject & { [key: string]: Json }
  return { ...rest, metadata: { labels: metadata.labels ?? {} } } as Json
}

function withoutReplicas(object: KubeObject): KubeObject {
  const spec = (object as unknown as { spec?: { [key: string]: Json } }).spec
  if (spec === undefined || (object.kind !== 'StatefulSet' && object.kind !== 'Deployment')) return object
  const { replicas: _, ...rest } = spec
  return { ...object, spec: rest } as KubeObject
}

/** Paths that the manifest sets and that are otherwise live. What only the live object has is the server's own. */
function differing(expected: Json, live: Json | undefined, path: string): string[] {
  if (expected === null || expected === '' || expected === 0) return []
  if (isObject(expected)) {
    if (Object.keys(expected).length === 0) return []
    if (!isObject(live)) return [path]
    return Object.entries(expected).flatMap(([key, value]) =>
      differing(value, live[key], path === '' ? key : `${path}.${key}`),
    )
  }
  if (Array.isArray(expected)) {
    if (expected.length === 0) return []
    if (!Array.isArray(live) || live.length !== expected.length) return [path]
    return (expected as readonly Json[]).flatMap((item, index) =>
      differing(item, live[index], `${path}[${index}]`),
    )
  }
  if (expected === false && live === undefined) return []
  return sameValue(expected, live) || sameAmount(expected, live) ? [] : [path]
}

/** `1000m` is `1`, `"8443"` is 8443. */
function sameAmount(a: Json, b: Json | undefined): boolean {
  return Math.abs(amountOf(String(a)) - amountOf(String(b))) < 1e-9
}
