/** Single values of a stack's file changed in its text: comments, order and everything else stay as they are. */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  stringify,
  type YAMLMap,
} from 'yaml'
import { InfraError } from '../model/error.js'
import { isObject, type Json, sameValue, scalarText as textOf } from '../model/value.js'

/** A key, or the element of a list whose key has this value: `{device: 'vdb'}`. */
export type EditStep = string | Readonly<Record<string, string>>

export interface StackEdit {
  readonly path: readonly EditStep[]
  readonly value: string | number | boolean
  /** Only where the document says it already: its default follows by itself. */
  readonly onlyIfThere?: boolean
}

/**
 * The text with these values in the document of this kind and name. Fails with `cannot-write` where a value is a reference, or
 * the document is not there or of a form that cannot be changed in place.
 */
export function editStackText(
  text: string,
  resource: { readonly kind: string; readonly name: string },
  edits: readonly StackEdit[],
): string {
  const document = parseAllDocuments(text).find(one => fits(one as Document, resource)) as
    | Document
    | undefined
  if (document === undefined) throw cannot(resource, 'its document is not in the file', 'Change it by hand.')
  const splices = edits.flatMap(edit => spliceOf(text, document, edit, resource) ?? [])
  const sorted = [...splices].sort((a, b) => b.from - a.from)
  const changed = sorted.reduce((all, one) => all.slice(0, one.from) + one.text + all.slice(one.to), text)
  requireMeaning(text, changed, resource, edits)
  return changed
}

interface Splice {
  readonly from: number
  readonly to: number
  readonly text: string
}

type Resource = { readonly kind: string; readonly name: string }

function fits(document: Document, { kind, name }: Resource): boolean {
  return document.get('kind') === kind && document.getIn(['metadata', 'name']) === name
}

function spliceOf(text: string, document: Document, edit: StackEdit, resource: Resource): Splice | undefined {
  let here = document.contents as ParsedNode | null
  for (const [index, step] of edit.path.entries()) {
    const next = child(here, step)
    if (next === undefined) {
      if (edit.onlyIfThere) return undefined
      const isLast = index === edit.path.length - 1
      if (!isLast || typeof step !== 'string' || !isMap(here))
        throw cannot(resource, `${nameOf(edit.path)} is not in the document`, 'Write it by hand.')
      return insertion(text, here, step, edit.value, resource)
    }
    here = next
  }
  if (!isScalar(here) || here.range == null)
    throw cannot(resource, `${nameOf(edit.path)} is no plain value`, 'Change it by hand.')
  if (typeof here.value === 'string' && here.value.includes('${'))
    throw cannot(resource, `${nameOf(edit.path)} is a reference: ${here.value}`, 'Change what it refers to.')
  return { from: here.range[0], to: here.range[1], text: scalarText(edit.value) }
}

function child(node: ParsedNode | null, step: EditStep): ParsedNode | undefined {
  if (typeof step === 'string')
    return isMap(node) ? ((node.get(step, true) as ParsedNode | undefined) ?? undefined) : undefined
  if (!isSeq(node)) return undefined
  const [[key = '', value] = []] = Object.entries(step)
  return node.items.find(item => isMap(item) && String(item.get(key)) === value) as ParsedNode | undefined
}

/** In front of a key that no comment stands above, on a line of its own where the map is written in lines. */
function insertion(
  text: string,
  map: YAMLMap,
  key: string,
  value: StackEdit['value'],
  resource: Resource,
): Splice {
  const keys = map.items.map(item => item.key as Scalar)
  const before = keys.find(one => one.range != null && !isCommented(text, one.range[0])) ?? keys[0]
  if (before?.range == null)
    throw cannot(resource, `the map that ${key} belongs to is empty`, 'Write it by hand.')
  const at = before.range[0]
  if (map.flow) return { from: at, to: at, text: `${key}: ${scalarText(value)}, ` }
  // the keys of a map all begin in this column, the first behind a dash, too
  const column = at - (text.lastIndexOf('\n', at - 1) + 1)
  return { from: at, to: at, text: `${key}: ${scalarText(value)}\n${' '.repeat(column)}` }
}

function isCommented(text: string, at: number): boolean {
  const line = text.lastIndexOf('\n', at - 1)
  return /^\s*#/.test(text.slice(text.lastIndexOf('\n', line - 1) + 1, Math.max(line, 0)))
}

function scalarText(value: StackEdit['value']): string {
  return stringify(value).trimEnd()
}

/** Nothing but the edits may have changed. */
function requireMeaning(
  before: string,
  after: string,
  resource: Resource,
  edits: readonly StackEdit[],
): void {
  const valuesOf = (text: string) => parseAllDocuments(text).map(one => (one as Document).toJS() as Json)
  const wanted = valuesOf(before).map(value =>
    isObject(value) &&
    value.kind === resource.kind &&
    isObject(value.metadata) &&
    value.metadata.name === resource.name
      ? edits.reduce<Json>((all, edit) => withValue(all, edit.path, edit), value)
      : value,
  )
  if (!sameValue(wanted, valuesOf(after)))
    throw cannot(resource, 'more than the value would have changed', 'Change it by hand.')
}

function withValue(value: Json, path: readonly EditStep[], edit: StackEdit): Json {
  const [step, ...rest] = path
  if (step === undefined) return edit.value
  if (typeof step === 'string') {
    if (!isObject(value) || (edit.onlyIfThere && value[step] === undefined)) return value
    return { ...value, [step]: withValue(value[step] ?? null, rest, edit) }
  }
  const [[key = '', wanted] = []] = Object.entries(step)
  if (!Array.isArray(value)) return value
  return (value as readonly Json[]).map(item =>
    isObject(item) && textOf(item[key]) === wanted ? withValue(item, rest, edit) : item,
  )
}

function nameOf(path: readonly EditStep[]): string {
  return path.map(step => (typeof step === 'string' ? step : Object.values(step).join())).join('.')
}

function cannot(resource: Resource, why: string, hint: string): InfraError {
  return new InfraError({
    kind: 'validation',
    code: 'cannot-write',
    message: `it cannot be written into the stack’s file`,
    address: `${resource.kind}/${resource.name}`,
    why,
    hint,
  })
}
