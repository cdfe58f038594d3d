/** As much of JSON Schema as the schema of stacks uses: for holding documents to it as an editor does. */
import { isObject, type Json, sameValue } from '../../src/model/value.js'

type Schema = { readonly [key: string]: Json }

const known = new Set(
  '$schema $ref title description default definitions type enum const properties required additionalProperties items minItems maxItems minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum pattern format anyOf oneOf allOf if then else propertyNames multipleOf'.split(
    ' ',
  ),
)

export function fits(schema: Json, value: Json, root: Json = schema): boolean {
  if (typeof schema === 'boolean') return schema
  const one = schema as Schema
  for (const key of Object.keys(one))
    if (!known.has(key)) throw new Error(`a keyword that is not known here: ${key}`)
  if (typeof one.$ref === 'string') return fits(pointed(root, one.$ref), value, root)
  const list = (key: string): readonly Json[] => (one[key] as readonly Json[] | undefined) ?? []
  const below = (inner: Json): boolean => fits(inner, value, root)
  if (one.if !== undefined) {
    const branch = below(one.if) ? one.then : one.else
    if (branch !== undefined && !below(branch)) return false
  }
  return (
    (one.type === undefined || [one.type].flat().some(type => isOf(value, type as string))) &&
    (one.enum === undefined || list('enum').some(item => sameValue(item, value))) &&
    (one.const === undefined || sameValue(one.const, value)) &&
    list('allOf').every(below) &&
    (one.anyOf === undefined || list('anyOf').some(below)) &&
    (one.oneOf === undefined || list('oneOf').filter(below).length === 1) &&
    (typeof value !== 'string' ||
      one.pattern === undefined ||
      new RegExp(one.pattern as string).test(value)) &&
    (typeof value !== 'string' || value.length >= ((one.minLength as number | undefined) ?? 0)) &&
    (typeof value !== 'number' ||
      value > ((one.exclusiveMinimum as number | undefined) ?? Number.NEGATIVE_INFINITY)) &&
    (typeof value !== 'number' ||
      value >= ((one.minimum as number | undefined) ?? Number.NEGATIVE_INFINITY)) &&
    (!Array.isArray(value) || value.length >= ((one.minItems as number | undefined) ?? 0)) &&
    (!Array.isArray(value) ||
      one.items === undefined ||
      value.every(item => fits(one.items as Json, item as Json, root))) &&
    (!isObject(value) || fitsObject(one, value, root))
  )
}

function fitsObject(schema: Schema, value: Schema, root: Json): boolean {
  const properties = (schema.properties ?? {}) as Schema
  const required = (schema.required ?? []) as readonly string[]
  if (!required.every(key => Object.hasOwn(value, key))) return false
  return Object.entries(value).every(([key, item]) => {
    const own = Object.hasOwn(properties, key) ? properties[key] : schema.additionalProperties
    return own === undefined || fits(own, item, root)
  })
}

function pointed(root: Json, pointer: string): Json {
  let at = root as Schema
  for (const part of pointer.slice(2).split('/')) {
    const next = at[part]
    if (next === undefined) throw new Error(`a reference to nothing: ${pointer}`)
    at = next as Schema
  }
  return at
}

function isOf(value: Json, type: string): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  if (type === 'null') return value === null
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}
