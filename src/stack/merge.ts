/** Templates of a kind: their spec lies under the spec of the documents that name them. */
import { type Attributes, isObject, type Json } from '../model/value.js'
import type { RawResource } from './envelope.js'
import { meant } from './nearest.js'
import type { ParsedDocument, Problems } from './problems.js'

/** Templates by kind, then by name. */
export type Templates = ReadonlyMap<string, ReadonlyMap<string, RawResource>>

/** Templates by kind and name; a second one of a name is a problem. */
export function indexTemplates(templates: readonly RawResource[], problems: Problems): Templates {
  const index = new Map<string, Map<string, RawResource>>()
  for (const template of templates) {
    const { kind } = template.kind
    const ofKind = index.get(kind) ?? new Map<string, RawResource>()
    index.set(kind, ofKind)
    const first = ofKind.get(template.name)
    if (first) {
      problems.add({
        code: 'duplicate-name',
        message: `There is a second ${kind}Template named \`${template.name}\`.`,
        why: `The first is in ${first.document.file.name}, line ${first.document.line}.`,
        document: template.document,
        path: ['metadata', 'name'],
      })
    } else {
      ofKind.set(template.name, template)
    }
  }
  return index
}

export interface Merged {
  readonly spec: Attributes
  /** The documents of the templates, the nearest first. */
  readonly templates: readonly ParsedDocument[]
}

/** The resource with its template's spec under its own; a template may itself name one. Undefined after a problem. */
export function withTemplate(
  resource: RawResource,
  templates: Templates,
  problems: Problems,
): Merged | undefined {
  const ofKind = templates.get(resource.kind.kind)
  const wanted = resource.spec.template
  const hasOwn = 'template' in shapeOf(resource)
  if (wanted === undefined || hasOwn) return { spec: resource.spec, templates: none }
  const chain: RawResource[] = []
  let next: Json | undefined = wanted
  let from = resource
  while (next !== undefined) {
    const template: RawResource | undefined = typeof next === 'string' ? ofKind?.get(next) : undefined
    if (!template || chain.includes(template)) {
      const name = typeof next === 'string' ? `\`${next}\`` : 'that'
      const { kind } = resource.kind
      problems.add({
        code: template ? 'cycle' : 'unknown-template',
        message: template
          ? `The templates go round in a circle: ${[...chain, template].map(({ name }) => name).join(' → ')}.`
          : `There is no ${kind}Template named ${name}.`,
        hint: template
          ? 'Take one of them out of the circle.'
          : (meant(String(next), ofKind?.keys() ?? []) ??
            `Add a document of kind ${kind}Template with that name.`),
        address: `${kind}/${resource.name}`,
        document: from.document,
        path: ['spec', 'template'],
      })
      return undefined
    }
    chain.push(template)
    from = template
    next = template.spec.template
  }
  let spec: Attributes = {}
  for (const layer of [...chain.toReversed(), resource]) {
    const { template: _named, ...own } = layer.spec
    spec = mergeMaps(spec, own, '', resource.kind.keyedLists)
  }
  return { spec, templates: chain.map(template => template.document) }
}

const none: readonly ParsedDocument[] = Object.freeze([])

function shapeOf(resource: RawResource): object {
  const { def } = resource.kind.schema as unknown as { def: { shape?: object } }
  return def.shape ?? {}
}

/** What is in `over` wins; maps and keyed lists are merged, other lists replaced; null takes a field away. */
function mergeMaps(
  under: Attributes,
  over: Attributes,
  path: string,
  keyedLists: Readonly<Record<string, string>>,
): Attributes {
  const merged: Record<string, Json> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const at = path === '' ? key : `${path}.${key}`
    if (value === null && Object.hasOwn(under, key)) delete merged[key]
    else merged[key] = mergeValues(Object.hasOwn(under, key) ? under[key] : undefined, value, at, keyedLists)
  }
  return merged
}

function mergeValues(
  under: Json | undefined,
  over: Json,
  path: string,
  keyedLists: Readonly<Record<string, string>>,
): Json {
  if (isObject(under) && isObject(over)) return mergeMaps(under, over, path, keyedLists)
  const field = Object.hasOwn(keyedLists, path) ? keyedLists[path] : undefined
  if (field === undefined || !Array.isArray(under) || !Array.isArray(over)) return over
  const rest = new Map<Json | undefined, Json>()
  for (const item of over as readonly Json[]) rest.set(isObject(item) ? item[field] : item, item)
  if (rest.size !== over.length) return over
  const items = (under as readonly Json[]).map(item => {
    const key = isObject(item) ? item[field] : undefined
    const own = key === undefined ? undefined : rest.get(key)
    if (own === undefined) return item
    rest.delete(key)
    return mergeValues(item, own, `${path}[]`, keyedLists)
  })
  return [...items, ...rest.values()]
}
