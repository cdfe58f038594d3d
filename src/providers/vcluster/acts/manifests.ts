/** Which objects a change of a spec adds, removes and changes: the rendered ones against those of the release. */
import { loadAll } from 'js-yaml'
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { KubeObject } from '../client/objects.js'
import { readRelease, revisionsOf } from '../helm/release.js'
import { chartArguments, template } from '../helm/run.js'
import { lower } from '../kinds/shortcuts.js'
import { compareLeaves } from '../kinds/tree.js'
import type { Session } from '../session.js'

export interface ManifestChange {
  /** `StatefulSet/team-a`. */
  readonly object: string
  readonly op: 'add' | 'remove' | 'change'
  /** Paths that change. What is below the data of a Secret is not told. */
  readonly paths: readonly string[]
}

/** Changes nothing; asks the host for one Secret. */
export async function manifestChanges(
  session: Session,
  place: { readonly namespace: string; readonly name: string },
  spec: Attributes,
  signal: AbortSignal,
): Promise<readonly ManifestChange[]> {
  const helm = await session.helm(signal)
  const [rendered, revisions] = await Promise.all([
    template(helm, place, chartArguments(spec.chart as Attributes, session.folder), lower(spec), signal),
    revisionsOf(session.host, place, signal),
  ])
  const deployed = revisions.find(revision => revision.status === 'deployed')
  const release = deployed === undefined ? undefined : await readRelease(session.host, deployed, signal)
  return compareManifests(release?.manifest ?? '', rendered)
}

export function compareManifests(before: string, after: string): readonly ManifestChange[] {
  const [old, next] = [objectsOf(before), objectsOf(after)]
  const names = [...new Set([...old.keys(), ...next.keys()])].sort()
  return names.flatMap((object): ManifestChange[] => {
    const [from, to] = [old.get(object), next.get(object)]
    if (from === undefined) return [{ object, op: 'add', paths: [] }]
    if (to === undefined) return [{ object, op: 'remove', paths: [] }]
    const { added, removed, changed } = compareLeaves(from, to)
    const paths = [
      ...new Set(
        [...added, ...removed, ...changed].map(path =>
          object.startsWith('Secret/') ? (path.split('.')[0] ?? '') : path,
        ),
      ),
    ].sort()
    return paths.length === 0 ? [] : [{ object, op: 'change', paths }]
  })
}

function objectsOf(manifest: string): Map<string, { readonly [key: string]: Json }> {
  const objects = loadAll(manifest).filter(object => isObject(object as Json)) as unknown as (KubeObject & {
    readonly [key: string]: Json
  })[]
  return new Map(objects.map(object => [`${object.kind}/${object.metadata.name}`, object]))
}
