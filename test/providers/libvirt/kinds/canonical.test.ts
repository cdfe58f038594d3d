import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { libvirtKinds } from '../../../../src/providers/libvirt/kinds/index.js'
import { specOf } from './arbitrary.js'

const names = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}$/),
  fc.string({ minLength: 1, maxLength: 12 }),
)

describe.each(libvirtKinds.map(kind => ({ kind, name: kind.kind })))('$name', ({ kind }) => {
  for (const unresolved of [false, true]) {
    const title = unresolved ? 'with values not known yet' : 'with all values known'

    it(`is canonical once and for all, ${title}`, () => {
      fc.assert(
        fc.property(specOf(kind, unresolved), names, (spec, name) => {
          const meta = { name, labels: {}, annotations: {} }
          const once = kind.canonical(spec, meta)
          expect(kind.canonical(once, meta)).toEqual(once)
        }),
        { numRuns: 300 },
      )
    })

    it(`checks and names without throwing, ${title}`, () => {
      fc.assert(
        fc.property(specOf(kind, unresolved), names, (spec, name) => {
          const meta = { name, labels: {}, annotations: {} }
          for (const problem of kind.check?.(spec, meta) ?? []) {
            expect(problem.message).not.toBe('')
            expect(problem.hint ?? '').not.toBe('')
          }
          kind.implied?.(spec, meta)
          kind.connection?.(spec)
          kind.deletion(spec)
        }),
        { numRuns: 300 },
      )
    })
  }

  it('is canonical once and for all, whatever a name ends with', () => {
    const meta = { name: 'images/', labels: {}, annotations: {} }
    const once = kind.canonical({}, meta)
    expect(kind.canonical(once, meta)).toEqual(once)
  })

  it('has a canonical form that fits the schema again', () => {
    fc.assert(
      fc.property(specOf(kind), spec => {
        const canonical = kind.canonical(spec, { name: 'a', labels: {}, annotations: {} })
        const result = kind.schema.safeParse(canonical)
        expect(result.success ? [] : result.error.issues).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('describes every field', () => {
    expect(undescribed(z.toJSONSchema(kind.schema) as Schema, '')).toEqual([])
  })
})

interface Schema {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

function undescribed(schema: Schema, path: string): string[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => [
    ...(value.description ? [] : [`${path}.${key}`]),
    ...undescribed(value, `${path}.${key}`),
  ])
  return [...below, ...(schema.items ? undescribed(schema.items, `${path}[]`) : [])]
}
