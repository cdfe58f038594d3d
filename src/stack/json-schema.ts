// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
// biome-ignore-all lint/suspicious/noThenProperty: a keyword of JSON Schema
/** JSON Schema of all documents, for the YAML language server: it completes and checks stacks while they are written. */
import { z } from 'zod'
import { isObject, type Json } from '../model/value.js'
import type { Kind } from '../providers/kind.js'
import { apiVersion, versionsOf } from './envelope.js'
import { stackSpec } from './stack-document.js'

type Schema = { readonly [key: string]: Json }

const text: Schema = { type: 'string' }
const texts: Schema = { type: 'object', additionalProperties: text }

/** A value that is a reference as a whole, or holds one. */
const reference: Schema = {
  type: 'string',
  pattern: '\\$\\{',
  description: 'A reference: ${var.NAME}, ${env.NAME} or ${Kind.name.path}.',
}

const metadata: Schema = {
  type: 'object',
  description: 'The name, and how infra is to treat the resource.',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: {
      ...text,
      description: 'The name; with the kind it is the address under which the resource is recorded.',
    },
    objectName: {
      ...text,
      description: 'The name in the system below, when it is another; may hold ${var.NAME}.',
    },
    labels: { ...texts, description: 'Labels for people and tools.' },
    annotations: { ...texts, description: 'Notes for people and tools.' },
    dependsOn: {
      type: 'array',
      items: text,
      description: 'Addresses (Kind/name) of what must be there first. References need no entry here.',
    },
    forEach: {
      description: 'A list or map: an instance for each element, with ${each.key} and ${each.value}.',
      anyOf: [{ type: 'array' }, { type: 'object' }, reference],
    },
    managed: {
      type: 'boolean',
      default: true,
      description: 'False: it is only read. It must exist, can be referred to, and is never changed.',
    },
    lifecycle: {
      type: 'object',
      additionalProperties: false,
      description: 'Limits to what a plan may do with it.',
      properties: {
        preventDestroy: { type: 'boolean', description: 'A plan that would destroy it is refused.' },
        ignoreChanges: {
          type: 'array',
          items: text,
          description: 'Paths of the spec in which a difference is left alone.',
        },
        retainOnDelete: { type: 'boolean', description: 'Forgotten instead of deleted.' },
        createBeforeDestroy: { type: 'boolean', description: 'On a replacement, the new one is made first.' },
      },
    },
  },
}

/** The schema of every document of a stack, draft 7, which editors know best. */
export function stackJsonSchema(kinds: Iterable<Kind>): Json {
  const sorted = [...kinds].sort((a, b) => (a.kind < b.kind ? -1 : 1))
  const definitions: Record<string, Json> = { 'Stack.spec': plainSchema(stackSpec, 'Stack.spec') }
  const names: Json[] = [
    { const: 'Stack', description: 'The stack itself: variables, connections, outputs.' },
  ]
  const rules: Json[] = [
    when({ kind: { const: 'Stack' } }, { apiVersion: { const: apiVersion }, spec: ref('Stack.spec') }),
    when({ apiVersion: { const: apiVersion } }, { status: false }),
  ]
  for (const kind of sorted) {
    const whole = withReferences(plainSchema(kind.schema, `${kind.kind}.spec`))
    definitions[`${kind.kind}.spec`] = whole
    definitions[`${kind.kind}.part`] = partOf(whole, kind.kind)
    names.push({ const: kind.kind, description: kind.summary })
    const versions = versionsOf(kind.kind)
    const version: Schema = { enum: versions }
    rules.push(when({ kind: { const: kind.kind } }, { apiVersion: version }, wholeOrPart(kind.kind)))
    const template = `${kind.kind}Template`
    if (sorted.some(other => other.kind === template)) continue
    names.push({
      const: template,
      description: `A template: ${kind.kind} documents name it in \`spec.template\`.`,
    })
    const part = { apiVersion: { const: apiVersion }, spec: ref(`${kind.kind}.part`) }
    rules.push(when({ kind: { const: template } }, part))
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A document of an infra stack',
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata'],
    additionalProperties: false,
    properties: {
      apiVersion: { type: 'string', description: `\`${apiVersion}\`.` },
      kind: { description: 'What the document describes.', oneOf: names },
      metadata,
      spec: { type: 'object', description: 'What it shall be.' },
      status: { description: 'Accepted in documents of Foundry, and ignored.' },
    },
    allOf: rules,
    definitions,
  }
}

function ref(name: string): Schema {
  return { $ref: `#/definitions/${name}` }
}

function when(properties: Schema, then: Schema, more: Schema = {}): Schema {
  return { if: { properties, required: Object.keys(properties) }, then: { properties: then, ...more } }
}

/** A document that takes up a template, or is only read, may leave out what is required. */
function wholeOrPart(kind: string): Schema {
  const partial: Schema = {
    anyOf: [
      { properties: { spec: { type: 'object', required: ['template'] } }, required: ['spec'] },
      { properties: { metadata: { properties: { managed: { const: false } }, required: ['managed'] } } },
    ],
  }
  const whole = { properties: { spec: ref(`${kind}.spec`) }, required: ['spec'] }
  return { if: partial, then: { properties: { spec: ref(`${kind}.part`) } }, else: whole }
}

/** zod's own schema, its references moved to where it stands among the definitions. */
function plainSchema(schema: z.ZodType, name: string): Schema {
  const made = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  }) as unknown as Schema
  const { $schema: _version, ...rest } = made
  return moveReferences(rest, name) as Schema
}

function moveReferences(value: Json, name: string): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(item => moveReferences(item, name))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key !== '$ref' || typeof item !== 'string') return [key, moveReferences(item, name)]
      return [key, item.replace(/^#/, `#/definitions/${name}`)]
    }),
  )
}

/** The same with a reference allowed in the place of every value below the top. */
function withReferences(schema: Schema): Schema {
  return mapSchemas(schema, (inner, top) => {
    if (top || inner === reference || !isValueSchema(inner)) return inner
    const { description, default: standard, ...rest } = inner
    const notes = {
      ...(description !== undefined && { description }),
      ...(standard !== undefined && { default: standard }),
    }
    return { ...notes, anyOf: [rest, reference] }
  })
}

/** Whether a schema says what a value must be; one that takes anything takes a reference, too. */
function isValueSchema(schema: Schema): boolean {
  const says = ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref']
  if (!says.some(key => Object.hasOwn(schema, key))) return false
  return !(
    schema.type === 'string' &&
    !['pattern', 'format', 'enum', 'maxLength'].some(key => Object.hasOwn(schema, key))
  )
}

/** The same with nothing required, and with a template's name. */
function partOf(schema: Schema, kind: string): Schema {
  const part = mapSchemas(schema, inner => {
    const { required: _required, ...rest } = inner
    return rest
  })
  const properties = isObject(part.properties) ? part.properties : {}
  if (Object.hasOwn(properties, 'template')) return part
  const template: Schema = {
    ...text,
    description: `Name of the ${kind}Template whose spec lies under this one.`,
  }
  return { ...part, properties: { template, ...properties } }
}

/** Applies a change to a schema and all schemas in it, the inner ones first. */
function mapSchemas(schema: Schema, change: (schema: Schema, top: boolean) => Schema, top = true): Schema {
  const inner = (value: Json): Json => (isObject(value) ? mapSchemas(value, change, false) : value)
  const mapped = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (['properties', 'definitions', '$defs', 'patternProperties'].includes(key) && isObject(value)) {
        return [key, Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inner(item)]))]
      }
      if (['anyOf', 'oneOf', 'allOf'].includes(key) && Array.isArray(value)) {
        // Alternatives stand in the place of one value: the reference is allowed beside them, not in each.
        return [
          key,
          (value as readonly Json[]).map(item => (isObject(item) ? mapSchemas(item, change, true) : item)),
        ]
      }
      if (key === 'items' && Array.isArray(value)) return [key, (value as readonly Json[]).map(inner)]
      if (['items', 'additionalProperties', 'additionalItems'].includes(key)) return [key, inner(value)]
      return [key, value]
    }),
  )
  return change(mapped, top)
}
