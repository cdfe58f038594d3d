/** What every document of a resource says around its spec: which kind, which name, and how it is to be treated. */

import { type Attributes, isObject, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import { pathText } from './check-spec.js'
import type { Lifecycle } from './desired.js'
import { documentFields, lifecycleFields, meantField, metadataFields } from './document-fields.js'
import { isName, mostName, nameHint } from './name.js'
import { meant } from './nearest.js'
import type { Found, ParsedDocument, Path, Problems } from './problems.js'

export const apiVersion = 'infra/v1'
/** Documents of Foundry load as they are; the kinds that it had. */
const foreignVersions: Readonly<Record<string, readonly string[]>> = {
  'foundry.cofront.xyz/v1alpha1': ['VirtualMachine'],
}

/** Every apiVersion that documents of this kind may have. */
export function versionsOf(kind: string): readonly string[] {
  const foreign = Object.keys(foreignVersions).filter(name => foreignVersions[name]?.includes(kind))
  return [apiVersion, ...foreign]
}

/** A resource's document, or a template's, before forEach, templates and interpolation. */
export interface RawResource {
  readonly document: ParsedDocument
  readonly kind: Kind
  readonly name: string
  readonly objectName: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly dependsOn: readonly string[]
  readonly lifecycle: Lifecycle
  readonly forEach: Json | undefined
  readonly managed: boolean
  readonly spec: Attributes
  /** It is no resource: documents of its kind take it up by `spec.template`. */
  readonly isTemplate: boolean
}

/** What Foundry itself writes into a document that it prints. */
const foreignMetadataFields = new Set(['uid', 'generation', 'creationTimestamp'])

const none: Readonly<Record<string, string>> = Object.freeze({})
const noLifecycle: Lifecycle = Object.freeze({})
const noNames: readonly string[] = Object.freeze([])

/**
 * Reads the document's head. Tells what is wrong, and goes on without it, so that the spec is checked, too; gives undefined
 * where there is no resource to go on with.
 */
export function readEnvelope(
  document: ParsedDocument,
  kinds: ReadonlyMap<string, Kind>,
  problems: Problems,
): RawResource | undefined {
  const { value } = document
  const add = (found: Omit<Found, 'document'>): void => problems.add({ document, ...found })
  if (!isObject(value)) {
    add({
      code: 'not-a-document',
      message: 'A document must be a map.',
      hint: 'It begins with `apiVersion: infra/v1` and `kind: …`.',
    })
    return undefined
  }
  if (!Object.keys(value).some(key => documentFields.has(key))) {
    add({
      code: 'not-a-document',
      message:
        'This is no document of a stack: it has none of the fields `apiVersion`, `kind`, `metadata`, `spec`.',
      why: 'Every file of the folder whose name ends in .yaml or .yml is part of the stack.',
      hint: 'Values of variables belong into a file that ends in .vars.yaml, for --var-file; values of a chart into one that ends in .values.yaml.',
    })
    return undefined
  }
  const kind = readKind(value, kinds, add)
  const version = value.apiVersion
  const foreign = typeof version === 'string' && Object.hasOwn(foreignVersions, version)
  if (kind) checkVersion(value, kind.name, add)
  for (const key of Object.keys(value)) {
    if (documentFields.has(key) || (foreign && key === 'status')) continue
    add({
      code: 'unknown-field',
      message: `There is no field \`${key}\` in a document.`,
      hint: meantField(key, documentFields, kind?.kind),
      path: [key],
      at: 'key',
    })
  }
  const metadata = value.metadata
  if (!isObject(metadata)) {
    add({
      code: metadata === undefined ? 'missing-field' : 'invalid-value',
      message: metadata === undefined ? 'The field `metadata` is missing.' : '`metadata` must be a map.',
      hint: 'It gives the resource its name: `metadata: {name: …}`.',
      path: ['metadata'],
    })
    return undefined
  }
  for (const key of Object.keys(metadata)) {
    if (metadataFields.has(key) || (foreign && foreignMetadataFields.has(key))) continue
    add({
      code: 'unknown-field',
      message: `There is no field \`${key}\` in \`metadata\`.`,
      hint: meantField(key, metadataFields, kind?.kind),
      path: ['metadata', key],
      at: 'key',
    })
  }
  const name = readName(metadata, add)
  const managed = readBoolean(metadata.managed, ['metadata', 'managed'], add) ?? true
  const spec = readSpec(value.spec, managed, add)
  const read = {
    labels: readTexts(metadata.labels, ['metadata', 'labels'], add),
    annotations: readTexts(metadata.annotations, ['metadata', 'annotations'], add),
    dependsOn: readList(metadata.dependsOn, ['metadata', 'dependsOn'], add),
    lifecycle: readLifecycle(metadata.lifecycle, add),
    objectName: readText(metadata.objectName, ['metadata', 'objectName'], add),
    forEach: metadata.forEach,
  }
  if (!kind || name === undefined || !spec) return undefined
  return { document, kind: kind.kind, isTemplate: kind.isTemplate, name, managed, spec, ...read }
}

type Add = (found: Omit<Found, 'document'>) => void

interface NamedKind {
  readonly name: string
  readonly kind: Kind
  readonly isTemplate: boolean
}

function readKind(value: Attributes, kinds: ReadonlyMap<string, Kind>, add: Add): NamedKind | undefined {
  const name = value.kind
  if (typeof name !== 'string' || name === '') {
    const code = name === undefined ? 'missing-field' : 'invalid-value'
    const message = name === undefined ? 'The field `kind` is missing.' : '`kind` must be the name of a kind.'
    add({
      code,
      message,
      hint: `Known are: ${[...kinds.keys(), 'Stack'].sort().join(', ')}.`,
      path: ['kind'],
    })
    return undefined
  }
  const kind = kinds.get(name)
  if (kind) return { name, kind, isTemplate: false }
  const base = name.endsWith('Template') ? kinds.get(name.slice(0, -'Template'.length)) : undefined
  if (base) return { name, kind: base, isTemplate: true }
  add({
    code: 'unknown-kind',
    message: `There is no kind \`${shorten(name)}\`.`,
    hint: meant(name, [...kinds.keys(), 'Stack']),
    path: ['kind'],
  })
  return undefined
}

function checkVersion(value: Attributes, kind: string, add: Add): void {
  const version = value.apiVersion
  if (version === apiVersion) return
  const known = versionsOf(kind)
  if (typeof version === 'string' && known.includes(version)) return
  add({
    code: version === undefined ? 'missing-field' : 'unknown-version',
    message:
      version === undefined
        ? 'The field `apiVersion` is missing.'
        : `There is no kind \`${kind}\` in that apiVersion.`,
    hint: `Write \`apiVersion: ${known.join('` or `apiVersion: ')}\`.`,
    path: ['apiVersion'],
  })
}

function readName(metadata: Attributes, add: Add): string | undefined {
  const { name } = metadata
  const path = ['metadata', 'name']
  if (name === undefined) {
    add({
      code: 'missing-field',
      message: 'The field `name` is missing in `metadata`.',
      path: ['metadata'],
      at: 'key',
    })
    return undefined
  }
  if (typeof name !== 'string') {
    add({ code: 'invalid-value', message: '`metadata.name` must be a text.', hint: 'Quote it.', path })
    return undefined
  }
  if (name.includes('${')) {
    add({
      code: 'invalid-name',
      message: '`metadata.name` cannot hold a reference.',
      why: 'It is part of the address under which the resource is recorded, which must stay the same.',
      hint: 'Write the reference in `metadata.objectName`, the name in the system below. Instances of a forEach are named NAME-KEY by themselves.',
      path,
    })
    return undefined
  }
  if (!isName(name)) {
    add({
      code: 'invalid-name',
      message: `\`metadata.name\` cannot be ${JSON.stringify(shorten(name))}.`,
      hint: name.length > mostName ? `It may have ${mostName} characters.` : nameHint,
      path,
    })
    return undefined
  }
  return name
}

function readSpec(spec: Json | undefined, managed: boolean, add: Add): Attributes | undefined {
  if (isObject(spec)) return spec
  if (spec === undefined || spec === null) {
    if (!managed) return {}
    add({
      code: 'missing-field',
      message: spec === null ? 'The field `spec` is empty.' : 'The field `spec` is missing.',
      hint: 'Write what it shall be below `spec`; `spec: {}` where there is nothing to say.',
      path: spec === null ? ['spec'] : [],
      at: 'key',
    })
    return undefined
  }
  add({
    code: 'invalid-value',
    message: '`spec` must be a map.',
    hint: 'Write its fields below it, one on a line.',
    path: ['spec'],
  })
  return undefined
}

function readBoolean(value: Json | undefined, path: Path, add: Add): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  add({ code: 'invalid-value', message: `\`${path.join('.')}\` must be true or false.`, path })
  return undefined
}

function readText(value: Json | undefined, path: Path, add: Add): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  add({ code: 'invalid-value', message: `\`${pathText(path)}\` must be a text.`, hint: 'Quote it.', path })
  return undefined
}

function readTexts(value: Json | undefined, path: Path, add: Add): Readonly<Record<string, string>> {
  if (value === undefined) return none
  if (!isObject(value)) {
    add({ code: 'invalid-value', message: `\`${path.join('.')}\` must be a map of texts.`, path })
    return none
  }
  const wrong = Object.keys(value).filter(key => readText(value[key], [...path, key], add) === undefined)
  return wrong.length > 0 ? none : (value as Readonly<Record<string, string>>)
}

function readList(value: Json | undefined, path: Path, add: Add): readonly string[] {
  if (value === undefined) return noNames
  if (!Array.isArray(value)) {
    add({ code: 'invalid-value', message: `\`${path.join('.')}\` must be a list of texts.`, path })
    return noNames
  }
  const items = value as readonly Json[]
  const wrong = items.filter((item, index) => readText(item, [...path, index], add) === undefined)
  return wrong.length > 0 ? noNames : (items as readonly string[])
}

function readLifecycle(value: Json | undefined, add: Add): Lifecycle {
  if (value === undefined) return noLifecycle
  const path = ['metadata', 'lifecycle']
  if (!isObject(value)) {
    add({ code: 'invalid-value', message: '`metadata.lifecycle` must be a map.', path })
    return noLifecycle
  }
  for (const key of Object.keys(value)) {
    if (key === 'ignoreChanges') readList(value[key], [...path, key], add)
    else if (lifecycleFields.has(key)) readBoolean(value[key], [...path, key], add)
    else {
      add({
        code: 'unknown-field',
        message: `There is no field \`${key}\` in \`metadata.lifecycle\`.`,
        hint: meantField(key, lifecycleFields),
        path: [...path, key],
        at: 'key',
      })
    }
  }
  // With a problem among them the stack is refused as a whole; nothing acts on these.
  return value as Lifecycle
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
