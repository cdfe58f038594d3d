/** The fields that every document has around its spec, and where one stands that was written at the wrong depth. */
import type { Kind } from '../providers/kind.js'
import { meant } from './nearest.js'
import { fieldsAt } from './schema-shape.js'

export const documentFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec'])
export const metadataFields: ReadonlySet<string> = new Set([
  'name',
  'objectName',
  'labels',
  'annotations',
  'dependsOn',
  'lifecycle',
  'forEach',
  'managed',
])
export const lifecycleFields: ReadonlySet<string> = new Set([
  'preventDestroy',
  'ignoreChanges',
  'retainOnDelete',
  'createBeforeDestroy',
])

/** A hint for a field that is unknown among `here`: where a field of that name does stand, else the nearest names. */
export function meantField(
  key: string,
  here: Iterable<string>,
  kind?: Pick<Kind, 'schema'>,
): string | undefined {
  const place = placeOf(key, kind)
  return place === undefined ? meant(key, here) : `It stands under \`${place}\`.`
}

function placeOf(key: string, kind: Pick<Kind, 'schema'> | undefined): string | undefined {
  if (metadataFields.has(key)) return 'metadata'
  if (lifecycleFields.has(key)) return 'metadata.lifecycle'
  return kind && fieldsAt(kind.schema, []).includes(key) ? 'spec' : undefined
}
