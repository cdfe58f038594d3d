/** Looks into a kind's zod schema: which fields stand where. For references, and for the nearest name of an unknown one. */
import type { z } from 'zod'

type Definition = {
  readonly type: string
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly left?: z.ZodType
  readonly right?: z.ZodType
  readonly getter?: () => z.ZodType
}

function definition(schema: z.ZodType): Definition {
  return schema.def as unknown as Definition
}

/** The alternatives that a schema comes to once wrappers (optional, default, lazy, unions) are taken off. */
function alternatives(schema: z.ZodType, depth = 0): readonly Definition[] {
  if (depth > 20) return []
  const def = definition(schema)
  if (def.options) return def.options.flatMap(option => alternatives(option, depth + 1))
  if (def.type === 'intersection') {
    return [def.left, def.right].flatMap(side => (side ? alternatives(side, depth + 1) : []))
  }
  const inner = def.innerType ?? def.in ?? def.getter?.()
  return inner ? alternatives(inner, depth + 1) : [def]
}

/** The schemas of what stands at one segment below; empty where nothing may. */
function below(schemas: readonly z.ZodType[], segment: string | number): readonly z.ZodType[] {
  return schemas.flatMap(schema =>
    alternatives(schema).flatMap(def => {
      if (def.shape) {
        const field = Object.hasOwn(def.shape, segment) ? def.shape[segment] : undefined
        return field ? [field] : []
      }
      if (def.element) return [def.element]
      if (def.valueType) return [def.valueType]
      return []
    }),
  )
}

/** Names of the fields that may stand below a path. */
export function fieldsAt(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  let schemas: readonly z.ZodType[] = [schema]
  for (const segment of path) schemas = below(schemas, segment)
  const names = schemas.flatMap(at => alternatives(at).flatMap(def => Object.keys(def.shape ?? {})))
  return [...new Set(names)]
}

/** Whether the schema declares the path; below a field without a shape of its own (any, record) everything is declared. */
export function declares(schema: z.ZodType, path: readonly (string | number)[]): boolean {
  let schemas: readonly z.ZodType[] = [schema]
  for (const segment of path) {
    const open = schemas.some(at =>
      alternatives(at).some(def => def.type === 'any' || def.type === 'unknown'),
    )
    if (open) return true
    schemas = below(schemas, segment)
    if (schemas.length === 0) return false
  }
  return true
}
