/**
 * Contexts of virtual clusters in a kubeconfig of the user's. Each says, in an extension that kubectl keeps, which cluster of
 * which host it leads to: clusters of the same name on several hosts have a context each.
 */
import { dump, load } from 'js-yaml'
import { InfraError } from '../../../model/error.js'
import { withNames } from './content.js'

/** As far as it is read here; whatever else is in it is kept. */
export type Config = Readonly<Record<string, unknown>>

/** Which cluster a context leads to. */
export interface ClusterOf {
  /** Address of the host cluster's API. */
  readonly host: string
  readonly name: string
  readonly namespace: string
}

interface Entry {
  readonly name?: unknown
  readonly context?: unknown
}

const extensionName = 'infra'
const lists = ['clusters', 'contexts', 'users'] as const

/** Fails with `no-kubeconfig` for what is none; a file that is not there, or empty, is one without anything in it. */
export function readConfig(bytes: Uint8Array | undefined, file: string): Config {
  const text = Buffer.from(bytes ?? []).toString('utf8')
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = load(text)
  } catch {
    // its text may hold keys, and is not quoted
    value = undefined
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Config
  throw new InfraError({
    kind: 'configuration',
    code: 'no-kubeconfig',
    message: `${file} is no kubeconfig, and nothing was written.`,
    hint: 'Mend the file, or name another with --file.',
  })
}

/**
 * Puts a cluster in, named as vcluster's own tool names its contexts: `infra_NAME_NAMESPACE_HOST`, where HOST is the host's
 * context. Another cluster's context of that name stays; this one gets a number behind it.
 */
export function putIn(
  config: Config,
  text: string,
  of: ClusterOf,
  host: string,
): { readonly config: Config; readonly context: string } {
  const context = nameOf(config, of, `infra_${of.name}_${of.namespace}_${host}`)
  const entry = load(withNames(text, context)) as Config
  const added = (list: string) =>
    entriesOf(entry[list]).map(one =>
      list === 'contexts' ? { ...one, context: marked(one.context, of) } : one,
    )
  const merged = Object.fromEntries(
    lists.map(list => [list, [...without(config, list, [context]), ...added(list)]]),
  )
  return { config: { apiVersion: 'v1', kind: 'Config', ...config, ...merged }, context }
}

/**
 * Takes a cluster's contexts out; without a namespace those of its name in any. Fails with `ambiguous-cluster` where these are
 * of several clusters.
 */
export function takeOut(
  config: Config,
  { host, name, namespace }: Pick<ClusterOf, 'host' | 'name'> & { readonly namespace: string | undefined },
): { readonly config: Config; readonly contexts: readonly string[] } {
  const found = entriesOf(config.contexts).flatMap(entry => {
    const of = clusterOf(entry)
    const fits = of?.host === host && of.name === name && (namespace ?? of.namespace) === of.namespace
    return fits && typeof entry.name === 'string' ? [{ context: entry.name, namespace: of.namespace }] : []
  })
  const namespaces = [...new Set(found.map(one => one.namespace))].sort()
  if (namespaces.length > 1) {
    throw new InfraError({
      kind: 'configuration',
      code: 'ambiguous-cluster',
      message: `There are contexts of ${namespaces.length} virtual clusters ${name}, and none was taken out.`,
      hint: `say which with --namespace: ${namespaces.join(', ')}`,
    })
  }
  const contexts = found.map(one => one.context)
  const left = Object.fromEntries(lists.map(list => [list, without(config, list, contexts)]))
  const current = contexts.includes(String(config['current-context'])) && { 'current-context': '' }
  return { config: { ...config, ...left, ...current }, contexts }
}

/** As the file's bytes. */
export function writeConfig(config: Config): Uint8Array {
  return Buffer.from(dump(config))
}

/** The name that is this cluster's already, or the first that is nobody's. */
function nameOf(config: Config, of: ClusterOf, base: string): string {
  const taken = new Map(entriesOf(config.contexts).map(entry => [entry.name, clusterOf(entry)]))
  for (let turn = 1; ; turn += 1) {
    const name = turn === 1 ? base : `${base}-${turn}`
    const other = taken.get(name)
    if (!taken.has(name) || (other && isSame(other, of))) return name
  }
}

function isSame(a: ClusterOf, b: ClusterOf): boolean {
  return a.host === b.host && a.name === b.name && a.namespace === b.namespace
}

function marked(context: unknown, of: ClusterOf): object {
  return { ...(context as object | undefined), extensions: [{ name: extensionName, extension: of }] }
}

/** Which cluster a context of infra's leads to; undefined for anybody else's. */
function clusterOf({ context }: Entry): ClusterOf | undefined {
  const { extensions } = (context ?? {}) as { readonly extensions?: unknown }
  const own = entriesOf(extensions).find(one => one.name === extensionName)
  const { host, name, namespace } = ((own as { extension?: unknown } | undefined)?.extension ??
    {}) as Partial<Record<keyof ClusterOf, unknown>>
  if (typeof host !== 'string' || typeof name !== 'string' || typeof namespace !== 'string') return undefined
  return { host, name, namespace }
}

function without(config: Config, list: string, names: readonly string[]): readonly Entry[] {
  return entriesOf(config[list]).filter(entry => !names.includes(String(entry.name)))
}

function entriesOf(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'object' && item !== null) : []
}
