/** Virtual clusters of a host that nobody declared, and existing ones that can be taken over. */
import { join } from 'node:path'
import type { FileSystem } from '../../model/ports.js'
import { type Attributes, isObject, type Json } from '../../model/value.js'
import type { Identity, Target, Unmanaged } from '../provider.js'
import { readRelease } from './helm/release.js'
import { canonicalSpec } from './kinds/canonical.js'
import { formatDuration } from './kinds/duration.js'
import { marks, ownerOf } from './marks.js'
import { keyOf, placeOf } from './place.js'
import type { Session } from './session.js'
import { type Found, type Snapshot, takeSnapshot } from './snapshot.js'
import { chartVersion, phaseOf } from './told.js'

/** Clusters of the host without a mark of infra that no target names. */
export async function unmanaged(
  session: Session,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<readonly Unmanaged[]> {
  const places = targets.map(placeOf)
  const named = new Set(places.map(keyOf))
  const snapshot = await takeSnapshot(session.host, new Set(places.map(place => place.namespace)), signal)
  return [...snapshot.clusters.values()]
    .filter(found => isForeign(found, snapshot) && !named.has(keyOf(found)))
    .map(found => ({
      kind: 'VirtualCluster',
      name: found.name,
      identity: { namespace: found.namespace, name: found.name },
      place: `in namespace ${found.namespace} of ${session.host.name}`,
    }))
}

/** A cluster as a document would have it. */
export interface Discovered {
  readonly name: string
  readonly namespace: string
  readonly identity: Identity
  readonly phase: string
  /** When the host made it (UTC, ISO 8601). */
  readonly createdAt?: string
  /** As short as it can be: what is the default is left out. */
  readonly spec: Attributes
  /** From ghostctl's records, where it made this cluster. */
  readonly ghost?: GhostRecord
}

/** What ghostctl kept of a cluster. */
export interface GhostRecord {
  readonly name: string
  readonly namespace?: string
  readonly createdAt?: string
  readonly ttl?: string
  readonly kubeconfigPath?: string
  readonly hostCluster?: string
  readonly template?: string
}

/**
 * Every virtual cluster of the host that infra does not own, with the spec that it would have in a stack. `ghostFolder` is
 * ghostctl's `~/.ghost`: what it records of a cluster (its time to live above all) goes into the spec.
 */
export async function discover(
  session: Session,
  options: { readonly ghostFolder?: string },
  signal: AbortSignal,
): Promise<readonly Discovered[]> {
  const [snapshot, ghosts] = await Promise.all([
    takeSnapshot(session.host, new Set(), signal),
    options.ghostFolder === undefined ? [] : readGhosts(session.ports.files, options.ghostFolder),
  ])
  const found = [...snapshot.clusters.values()].filter(one => isForeign(one, snapshot))
  return Promise.all(
    found.map(async (one): Promise<Discovered> => {
      const [latest] = one.revisions
      const release =
        latest === undefined
          ? undefined
          : await session.limited(() => readRelease(session.host, latest, signal))
      const ghost = ghosts.find(
        record => record.name === one.name && (record.namespace ?? one.namespace) === one.namespace,
      )
      const ttl = ghost?.ttl === undefined ? undefined : ghostSpan(ghost.ttl)
      return {
        name: one.name,
        namespace: one.namespace,
        identity: { namespace: one.namespace, name: one.name },
        phase: phaseOf(one),
        ...(one.workload?.metadata.creationTimestamp !== undefined && {
          createdAt: one.workload.metadata.creationTimestamp,
        }),
        spec: shortest(one, release?.values ?? {}, ttl),
        ...(ghost !== undefined && { ghost }),
      }
    }),
  )
}

/** ghostctl's records; an unreadable or foreign file is none. */
export async function readGhosts(files: FileSystem, folder: string): Promise<readonly GhostRecord[]> {
  const bytes = await files.read(join(folder, 'clusters.json'))
  if (bytes === undefined) return []
  let value: Json
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8')) as Json
  } catch {
    return []
  }
  const entries = isObject(value) && value.clusters !== undefined ? value.clusters : value
  const list: readonly Json[] = Array.isArray(entries)
    ? (entries as readonly Json[])
    : isObject(entries)
      ? Object.entries(entries).map(([name, entry]) => (isObject(entry) ? { name, ...entry } : entry))
      : []
  return list.flatMap((entry): GhostRecord[] => {
    if (!isObject(entry)) return []
    const text = (key: string) => (typeof entry[key] === 'string' ? { [key]: entry[key] } : {})
    if (typeof entry.name !== 'string') return []
    const seconds = typeof entry.ttl === 'number' ? { ttl: `${entry.ttl}s` } : text('ttl')
    return [
      {
        name: entry.name,
        ...text('namespace'),
        ...text('createdAt'),
        ...seconds,
        ...text('kubeconfigPath'),
        ...text('hostCluster'),
        ...text('template'),
      } as GhostRecord,
    ]
  })
}

/** ghostctl wrote Go's spans (`1h30m0s`). */
function ghostSpan(text: string): string | undefined {
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|m|s|d|w)/g))
    total += Number(count) * ({ w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 }[unit ?? 's'] ?? 0)
  return total > 0 ? formatDuration(total) : undefined
}

/** No mark of infra on workload, release or namespace: the first marks come before there is a workload. */
function isForeign(found: Found, snapshot: Snapshot): boolean {
  return (
    found.workload !== undefined &&
    ownerOf(found.workload) === undefined &&
    found.revisions[0]?.labels[marks.lineage] === undefined &&
    ownerOf(snapshot.namespaces.get(found.namespace)) === undefined
  )
}

/** The canonical spec without what it would be anyway. */
function shortest(found: Found, values: Attributes, ttl: string | undefined): Attributes {
  const meta = { name: found.name, labels: {}, annotations: {} }
  const plain = canonicalSpec({}, meta)
  const version = chartVersion(found)
  const full = canonicalSpec(
    {
      values,
      namespace: found.namespace,
      createNamespace: false,
      ...(version !== undefined && { chart: { version } }),
      ...(ttl !== undefined && { ttl }),
      ...(found.workload?.spec.replicas === 0 && { paused: true }),
    },
    meta,
  )
  const kept = Object.entries(full).filter(
    ([key, value]) => JSON.stringify(plain[key]) !== JSON.stringify(value),
  )
  return Object.fromEntries(kept)
}
