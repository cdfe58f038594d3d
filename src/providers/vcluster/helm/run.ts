/** Calls of helm. Values go over standard input: they may hold secrets, and touch no disk. */
import { isAbsolute, resolve } from 'node:path'
import { execa } from 'execa'
import { InfraError } from '../../../model/error.js'
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { Host } from '../client/host.js'
import type { Place } from '../place.js'
import type { Helm } from './find.js'

/** How many revisions helm keeps: enough to go back, few enough to stay small. */
const history = '10'
const patience = 300_000

/** The arguments that name a chart. Paths start from the stack's folder. */
export function chartArguments(chart: Attributes, folder: string): string[] {
  const version = typeof chart.version === 'string' ? ['--version', chart.version] : []
  if (typeof chart.path === 'string')
    return [isAbsolute(chart.path) ? chart.path : resolve(folder, chart.path)]
  if (typeof chart.oci === 'string') return [chart.oci, ...version]
  return [String(chart.name), '--repo', String(chart.repository), ...version]
}

export interface UpgradeRequest {
  readonly chart: readonly string[]
  readonly values: Attributes
  readonly labels: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** `helm upgrade --install`: returns once the host has taken the objects, without waiting for pods. */
export async function upgrade(
  helm: Helm,
  host: Host,
  release: Place,
  request: UpgradeRequest,
): Promise<void> {
  await run(helm, host, release.namespace, upgradeArguments(release, request), request.signal, request.values)
}

/**
 * The objects that `upgrade` would make, as YAML documents. Rendered for the very host (charts ask what its API has); nothing
 * is changed. Values are checked against the chart's own schema.
 */
export async function render(
  helm: Helm,
  host: Host,
  release: Place,
  request: UpgradeRequest,
): Promise<string> {
  const options = ['--dry-run=server', '--output', 'json']
  const args = upgradeArguments(release, request, options)
  const words = await run(helm, host, release.namespace, args, request.signal, request.values)
  return manifestOf(words, helm)
}

/** The manifest in what `helm upgrade --dry-run --output json` printed. */
export function manifestOf(words: string, { binary, version }: Helm): string {
  let printed: Json | undefined
  try {
    printed = JSON.parse(words) as Json
  } catch {
    printed = undefined
  }
  const manifest = isObject(printed) ? (printed.manifest ?? '') : undefined
  if (typeof manifest === 'string') return manifest
  throw new InfraError({
    kind: 'operation',
    code: 'helm-answer-unfit',
    message: `What ${binary} (helm ${version}) printed is no release.`,
    why: words.slice(0, 300),
  })
}

function upgradeArguments(
  release: Place,
  request: UpgradeRequest,
  more: readonly string[] = [],
): readonly string[] {
  const [chart = '', ...options] = request.chart
  const labels = Object.entries(request.labels).map(([key, value]) => `${key}=${value}`)
  return [
    'upgrade',
    '--install',
    '--history-max',
    history,
    '--reset-values',
    '--values',
    '-',
    ...(labels.length > 0 ? ['--labels', labels.join(',')] : []),
    ...options,
    ...more,
    '--',
    release.name,
    chart,
  ]
}

/** Goes back to a revision that is still recorded; the chart need not be at hand. */
export async function rollback(
  helm: Helm,
  host: Host,
  release: Place,
  revision: number,
  signal: AbortSignal,
): Promise<void> {
  await run(
    helm,
    host,
    release.namespace,
    ['rollback', '--history-max', history, '--', release.name, String(revision)],
    signal,
  )
}

/** Removes the release; nothing happens where there is none. Volume claims stay. */
export async function uninstall(helm: Helm, host: Host, release: Place, signal: AbortSignal): Promise<void> {
  await run(helm, host, release.namespace, ['uninstall', '--ignore-not-found', '--', release.name], signal)
}

async function run(
  helm: Helm,
  host: Host,
  namespace: string,
  args: readonly string[],
  signal: AbortSignal,
  values?: Json,
): Promise<string> {
  const where = ['--kubeconfig', host.kubeconfig, '--kube-context', host.context]
  const verb = args[0] ?? ''
  const result = await execa(helm.binary, [verb, '--namespace', namespace, ...where, ...args.slice(1)], {
    reject: false,
    timeout: patience,
    cancelSignal: signal,
    forceKillAfterDelay: 5_000,
    env: { HELM_DRIVER: 'secret', HELM_NAMESPACE: namespace },
    ...(values === undefined ? { stdin: 'ignore' as const } : { input: JSON.stringify(values) }),
  })
  signal.throwIfAborted()
  if (!result.failed) return result.stdout ?? ''
  const words = helmWords(result.stderr ?? '') || result.shortMessage || ''
  throw new InfraError({
    kind: /schema|values don't meet/i.test(words) ? 'validation' : 'operation',
    code: codeOf(words),
    message: `helm ${verb} failed in namespace ${namespace}.`,
    why: words,
    ...hintOf(words),
  })
}

/** What helm says went wrong, without its warnings. */
function helmWords(stderr: string): string {
  const at = stderr.lastIndexOf('Error: ')
  return (at < 0 ? stderr : stderr.slice(at + 'Error: '.length)).trim().slice(0, 2_000)
}

function codeOf(words: string): string {
  if (/another operation .* is in progress/.test(words)) return 'helm-release-pending'
  if (/don't meet the specifications of the schema/.test(words)) return 'invalid-values'
  if (
    /not found|no such file|failed to fetch|failed to download|looks like .* is not a valid chart/i.test(
      words,
    )
  )
    return 'chart-unavailable'
  return 'helm-failed'
}

function hintOf(words: string): { hint?: string } {
  if (codeOf(words) === 'chart-unavailable')
    return {
      hint: 'check spec.chart: repository and version, an oci:// address, or a folder beside the stack',
    }
  if (/cannot be imported into the current release/.test(words))
    return { hint: 'objects of that name exist and are not this release’s; remove them or take another name' }
  return {}
}
