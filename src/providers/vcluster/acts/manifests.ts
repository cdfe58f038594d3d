/** Which objects a change of a spec adds, removes and changes: the rendered ones against those of the release. */
import { loadAll } from 'js-yaml'
import { type Attributes, isObject, type Json, type Sensitive, sameValue } from '../../../model/value.js'
import type { KubeObject } from '../client/objects.js'
import { readRelease, revisionsOf } from '../helm/release.js'
import { chartArguments, render } from '../helm/run.js'
import { lower } from '../kinds/shortcuts.js'
import type { Place } from '../place.js'
import type { Session } from '../session.js'

/** A value of an object that appears (`from` absent), disappears (`to` absent) or changes. */
export interface ManifestDifference {
  /** `spec.template.spec.containers[syncer].image`. */
  readonly path: string
  readonly from?: Json
  readonly to?: Json
  /** What is in a Secret is never told. */
  readonly sensitive?: true
}

export interface ManifestChange {
  /** `StatefulSet/team-a`. */
  readonly object: string
  readonly op: 'add' | 'remove' | 'change'
  readonly changes: readonly ManifestDifference[]
}

/** Changes nothing: runs helm dry, and asks the host for one Secret. */
export async function manifestChanges(
  session: Session,
  place: Place,
  spec: Attributes,
  signal: AbortSignal,
): Promise<readonly ManifestChange[]> {
  const helm = await session.helm(signal)
  const [rendered, revisions] = await Promise.all([
    render(helm, session.host, place, {
      chart: chartArguments(spec.chart as Attributes, session.folder),
      values: lower(spec),
      labels: {},
      signal,
    }),
    revisionsOf(session.host, place, signal),
  ])
  const deployed = revisions.find(revision => revision.status === 'deployed')
  const release = deployed === undefined ? undefined : await readRelease(session.host, deployed, signal)
  return compareManifests(release?.manifest ?? '', rendered)
}

/** What becomes of the objects from one rendering (YAML documents) to another, by name. What changes in a Secret is not shown. */
export function compareManifests(before: string, after: string): readonly ManifestChange[] {
  const [old, next] = [objectsOf(before), objectsOf(after)]
  const names = [...new Set([...old.keys(), ...next.keys()])].sort()
  return names.flatMap((object): ManifestChange[] => {
    const [from, to] = [old.get(object), next.get(object)]
    if (from === undefined) return [{ object, op: 'add', changes: [] }]
    if (to === undefined) return [{ object, op: 'remove', changes: [] }]
    const changes = differencesOf(from, to, object.startsWith('Secret/'))
    return changes.length === 0 ? [] : [{ object, op: 'change', changes }]
  })
}

function differencesOf(from: Json, to: Json, secret: boolean): ManifestDifference[] {
  const [before, after] = [new Map(leavesOf(from, '')), new Map(leavesOf(to, ''))]
  const moved = [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .filter(path => !sameValue(before.get(path), after.get(path)))
  if (secret) {
    const hidden: Sensitive = { $sensitive: true }
    const fields = [...new Set(moved.map(path => path.split('.')[0] ?? ''))]
    return fields.map(path => ({ path, from: hidden, to: hidden, sensitive: true as const }))
  }
  return moved.map(path => {
    const [old, next] = [before.get(path), after.get(path)]
    return { path, ...(old !== undefined && { from: old }), ...(next !== undefined && { to: next }) }
  })
}

/** Every scalar with its path; elements of lists by their name, where they have one. */
function leavesOf(value: Json, path: string): [string, Json][] {
  if (Array.isArray(value) && value.length > 0)
    return (value as readonly Json[]).flatMap((item, index) =>
      leavesOf(item, `${path}[${isObject(item) && typeof item.name === 'string' ? item.name : index}]`),
    )
  if (isObject(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([key, below]) =>
      leavesOf(below, path === '' ? key : `${path}.${key}`),
    )
  return [[path, value]]
}

function objectsOf(manifest: string): Map<string, Json> {
  const objects = loadAll(manifest).filter(object => isObject(object as Json)) as unknown as KubeObject[]
  return new Map(objects.map(object => [`${object.kind}/${object.metadata.name}`, object as unknown as Json]))
}
