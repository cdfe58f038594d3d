/** Random specs that fit a kind's schema, with some values not known yet. */
import fc from 'fast-check'
import { z } from 'zod'
import type { Attributes } from '../../../../src/model/value.js'
import type { Kind } from '../../../../src/providers/kind.js'

interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

/** Specs of a kind. A tenth of the values below the top may be unresolved references. */
export function specOf(kind: Kind, unresolved = false): fc.Arbitrary<Attributes> {
  const whole = arbitrary(z.toJSONSchema(kind.schema) as Schema, unresolved, true) as fc.Arbitrary<Attributes>
  return unresolved ? whole : whole.filter(spec => kind.schema.safeParse(spec).success)
}

function arbitrary(schema: Schema, unresolved: boolean, root = false): fc.Arbitrary<unknown> {
  const known = knownValue(schema, unresolved)
  if (!unresolved || root) return known
  return fc.oneof(
    { weight: 9, arbitrary: known },
    { weight: 1, arbitrary: fc.constant({ $unresolved: 'a reference to Image.a' }) },
  )
}

function knownValue(schema: Schema, unresolved: boolean): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(one => knownValue(one, unresolved)))
  if (schema.allOf !== undefined)
    return knownValue({ ...schema, ...Object.assign({}, ...schema.allOf), allOf: undefined }, unresolved)
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(([key, value]) => [
        key,
        arbitrary(value, unresolved),
      ])
      return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
        requiredKeys: [...(schema.required ?? [])],
        noNullPrototype: true,
      })
    }
    case 'array':
      return fc.array(arbitrary(schema.items ?? {}, unresolved), {
        minLength: schema.minItems ?? 0,
        maxLength: 3,
      })
    case 'string':
      if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
      return fc.oneof(
        fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 40, 40) }),
        fc.constantFrom(
          '10.0.0.5/24',
          '10.0.0.1',
          'FD00::5/64',
          'a.qcow2',
          'pool:b.raw',
          '/x/y',
          'Web.Example.org.',
          'https://a/b.qcow2',
        ),
      )
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? (schema.exclusiveMinimum ?? -100) + 1,
        max: Math.min(schema.maximum ?? 1e6, 1e6),
      })
    case 'number':
      return fc.double({
        min: schema.minimum ?? schema.exclusiveMinimum ?? 0,
        minExcluded: true,
        max: 1e6,
        noNaN: true,
      })
    case 'boolean':
      return fc.boolean()
    default:
      return fc.constant('x')
  }
}
