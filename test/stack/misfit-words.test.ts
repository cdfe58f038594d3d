import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { checkValue } from '../../src/stack/check-spec.js'

const rows: readonly {
  readonly reason: string
  readonly schema: z.ZodType
  readonly value: never
  readonly told: string
}[] = [
  row('a type', z.number(), 'x', 'must be a number, and is a text.'),
  row(
    'either of two types',
    z.union([z.number(), z.string()]),
    [1],
    'must be a number or a text, and is a list.',
  ),
  row('a fraction', z.int(), 1.5, 'must be a whole number.'),
  row('a map', z.record(z.string(), z.string()), [], 'must be a map, and is a list.'),
  row('one of a few', z.enum(['on', 'off']), 'maybe', 'must be one of on, off.'),
  row('only one', z.literal('infra/v1'), 'v2', 'must be infra/v1.'),
  row('too little', z.int().positive(), 0, 'must be more than 0.'),
  row('too much', z.int().max(9), 10, 'must be at most 9.'),
  row('an empty text', z.string().min(1), '', 'must not be empty.'),
  row('too many items', z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 item.'),
  row('a kind’s own words', z.string().regex(/^a/, 'must begin with a'), 'b', 'must begin with a.'),
]

function row(reason: string, schema: z.ZodType, value: unknown, told: string) {
  return { reason, schema: z.strictObject({ field: schema }), value: { field: value } as never, told }
}

describe('what does not fit is told in words of the document', () => {
  it.each(rows)('$reason', ({ schema, value, told }) => {
    expect(checkValue(schema, value, []).map(misfit => misfit.message)).toEqual([`\`field\`: ${told}`])
  })
})
