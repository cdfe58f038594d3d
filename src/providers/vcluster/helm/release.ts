/** Helm's own records of a release, as Secrets in its namespace: revisions, values, manifest; and what to do about half-done ones. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { InfraError } from '../../../model/error.js'
import type { Clock } from '../../../model/ports.js'
import type { Attributes } from '../../../model/value.js'
import type { Host } from '../client/host.js'
import type { KubeObject, Secret } from '../client/objects.js'
import { paths } from '../client/paths.js'
import type { Place } from '../place.js'

/** One revision, as its Secret's labels tell. */
export interface Revision {
  readonly namespace: string
  readonly name: string
  readonly secret: string
  readonly revision: number
  /** `deployed`, `superseded`, `failed`, `pending-install`, `pending-upgrade`, `pending-rollback`, `uninstalling`. */
  readonly status: string
  readonly labels: Readonly<Record<string, string>>
  /** When helm last wrote it, milliseconds since 1970 by helm's own clock. */
  readonly modified: number
}

export interface ReleaseContent {
  /** What the user gave. */
  readonly values: Attributes
  readonly chart: { readonly name: string; readonly version: string; readonly defaults: Attributes }
  readonly manifest: string
}

const unzip = promisify(gunzip)

/** A Secret of helm's as a revision. */
export function revisionOf(secret: KubeObject): Revision | undefined {
  const { labels = {}, name: secretName, namespace = '', creationTimestamp = '' } = secret.metadata
  const { name, version, status = 'unknown' } = labels
  if (labels.owner !== 'helm' || name === undefined || version === undefined) return undefined
  const told = Number(labels.modifiedAt ?? labels.createdAt) * 1000
  return {
    namespace,
    name,
    secret: secretName,
    revision: Number(version),
    status,
    labels,
    modified: Number.isFinite(told) && told > 0 ? told : Date.parse(creationTimestamp),
  }
}

/** All revisions of one release, newest first. */
export async function revisionsOf(
  host: Host,
  release: Place,
  signal: AbortSignal,
): Promise<readonly Revision[]> {
  const secrets = await host.list<KubeObject>(
    paths.secrets(release.namespace),
    { labelSelector: `owner=helm,name=${release.name}` },
    signal,
    true,
  )
  return secrets
    .map(revisionOf)
    .filter(revision => revision !== undefined)
    .sort((a, b) => b.revision - a.revision)
}

/** What a revision holds: base64 of a gzip of JSON, in base64 once more as Secrets are. */
export async function readRelease(
  host: Host,
  revision: Revision,
  signal: AbortSignal,
): Promise<ReleaseContent | undefined> {
  const secret = await host.get<Secret>(paths.secrets(revision.namespace, revision.secret), signal)
  const data = secret?.data?.release
  if (data === undefined) return undefined
  const release = (await unpacked(data).catch(cause => {
    throw unfit(revision, cause)
  })) as {
    readonly config?: Attributes
    readonly manifest?: string
    readonly chart?: {
      readonly metadata?: { readonly name?: string; readonly version?: string }
      readonly values?: Attributes
    }
  }
  if (typeof release !== 'object' || release === null) throw unfit(revision, undefined)
  return {
    values: release.config ?? {},
    chart: {
      name: release.chart?.metadata?.name ?? '',
      version: release.chart?.metadata?.version ?? '',
      defaults: release.chart?.values ?? {},
    },
    manifest: release.manifest ?? '',
  }
}

/** A release may hold less than a MiB, packed; what grows beyond this is no release. */
const longest = 64 << 20

async function unpacked(data: string): Promise<unknown> {
  const packed = Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64')
  const plain = packed[0] === 0x1f ? await unzip(packed, { maxOutputLength: longest }) : packed
  return JSON.parse(plain.toString('utf8'))
}

function unfit({ namespace, secret }: Revision, cause: unknown): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'release-unfit',
    message: `The Secret ${namespace}/${secret} holds no release of helm`,
    why: cause instanceof Error ? cause.message : 'it is not an object',
    hint: 'helm keeps its own record there: `helm history` tells what helm makes of it.',
    cause,
  })
}

/** How long a helm that is still at work is given before its release counts as abandoned, milliseconds. */
const grace = 15_000

/**
 * Settles a release whose helm was killed: a record that is still pending is removed once nothing has moved for a while, so
 * that the next `helm upgrade --install` takes over what is there. Helm itself refuses such a release for ever.
 */
export async function settle(
  host: Host,
  release: Place,
  clock: Clock,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let waited = 0
  for (;;) {
    const [latest] = await revisionsOf(host, release, signal)
    if (latest === undefined || !latest.status.startsWith('pending-')) return
    const idle = (host.now() ?? clock.now()) - latest.modified
    if (idle >= grace || waited >= grace) {
      progress(`release ${release.name} was left ${latest.status}; settling it`)
      await host.remove(paths.secrets(release.namespace, latest.secret), signal)
      continue
    }
    progress(`release ${release.name} is ${latest.status}; another helm may be at work`)
    await clock.sleep(2_000, signal)
    waited += 2_000
  }
}
