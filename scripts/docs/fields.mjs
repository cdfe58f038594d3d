// The fields of a zod schema as a table, by way of its JSON Schema.
import { z } from 'zod'
import { code, sentence, table } from './markdown.mjs'

export function fieldTable(schema) {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const rows = []
  walk(json, '', json, rows, new Set())
  return table(['field', 'type', 'what it is'], rows)
}

function walk(schema, path, root, rows, above) {
  const required = new Set(schema.required ?? [])
  for (const [name, raw] of Object.entries(schema.properties ?? {})) {
    const field = resolve(raw, root)
    const at = path === '' ? name : `${path}.${name}`
    const notes = [sentence(field.description ?? raw.description), ...limits(field)].filter(Boolean)
    rows.push([`${code(at)}${required.has(name) ? ' (required)' : ''}`, typeOf(field, root), notes.join(' ')])
    below(field, at, root, rows, above)
  }
}

function below(field, at, root, rows, above) {
  if (above.has(field)) return
  const deeper = new Set(above).add(field)
  if (field.properties) walk(field, at, root, rows, deeper)
  const items = field.items && resolve(field.items, root)
  if (items?.properties) walk(items, `${at}[]`, root, rows, deeper)
  const values = typeof field.additionalProperties === 'object' && resolve(field.additionalProperties, root)
  if (values?.properties) walk(values, `${at}.NAME`, root, rows, deeper)
  for (const part of [...(field.anyOf ?? []), ...(field.oneOf ?? [])])
    below(resolve(part, root), at, root, rows, deeper)
}

function resolve(schema, root) {
  if (typeof schema.$ref !== 'string') return schema
  const steps = schema.$ref.replace(/^#\/?/, '').split('/').filter(Boolean)
  const found = steps.reduce((value, step) => value?.[step], root)
  return { ...found, ...(schema.description && { description: schema.description }) }
}

function typeOf(field, root) {
  if (field.enum) return field.enum.map(value => code(String(value))).join(', ')
  if (field.const !== undefined) return code(String(field.const))
  const parts = field.anyOf ?? field.oneOf
  if (parts) return [...new Set(parts.map(part => typeOf(resolve(part, root), root)))].join(' or ')
  if (field.type === 'array')
    return field.items ? `list of ${typeOf(resolve(field.items, root), root)}` : 'list'
  if (field.type === 'object') return field.properties ? 'map' : 'map of any names'
  return field.type ?? 'anything'
}

const unlimited = Number.MAX_SAFE_INTEGER

function limits(field) {
  return [
    field.minimum !== undefined && field.minimum > -unlimited && `At least ${field.minimum}.`,
    field.exclusiveMinimum !== undefined && `More than ${field.exclusiveMinimum}.`,
    field.maximum !== undefined && field.maximum < unlimited && `At most ${field.maximum}.`,
    field.default !== undefined && `Default: ${code(JSON.stringify(field.default))}.`,
  ]
}
