// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutDocuments } from '../../src/stack/documents.js'
import { readExact } from '../../src/stack/exact-yaml.js'
import { formatStackText } from '../../src/stack/fmt.js'
import { firstStack } from '../../src/stack/init.js'

const format = (text: string) => formatStackText(text, 'stack.yaml')
const values = (text: string) =>
  cutDocuments(text).ranges.map(({ from, to }) => readExact(text.slice(from, to)))

describe('infra fmt', () => {
  test('orders, indents and keeps comments', () => {
    const text = `# the head

---
# of a
spec:
      size:   1GiB   # how large
      list:
            - a
            -   b


      # before the end
      last: "x"   
# of metadata
metadata:
    name: a
kind: Volume
apiVersion: infra/v1
# after all
---
---
{apiVersion: infra/v1, kind: Volume, metadata: {name: b}, spec: {size: 1GiB}}
`
    expect(format(text)).toBe(`# the head

# of a

apiVersion: infra/v1
kind: Volume
# of metadata
metadata:
  name: a
spec:
  size: 1GiB # how large
  list:
    - a
    - b

  # before the end
  last: "x"

# after all

---
{apiVersion: infra/v1, kind: Volume, metadata: {name: b}, spec: {size: 1GiB}}
`)
  })

  test('leaves alone what is formatted', () => {
    const text = firstStack({ name: 'first', schema: 'infra.schema.json' })
    expect(format(text)).toBe(text)
    const script =
      'a: |\n  #!/bin/sh\n  echo "${x}"   \n\n  exit\nb: >-\n  folded text that is long enough to stand on two lines, which is why it was put\n  on two lines\nc: &x {d: 1}\ne: *x\n'
    expect(format(script)).toBe(script)
  })

  test('does not let an alias stand before its anchor', () => {
    const text = 'spec: &s {a: 1}\nmetadata: *s\n'
    expect(values(format(text))).toEqual(values(text))
  })

  test('refuses what is no YAML, with the place', () => {
    expect(() => format('a: [\n')).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ code: 'syntax' })] }),
    )
    expect(() => format(`a: ${'['.repeat(5000)}`)).toThrow()
    expect(() => format('a: 1\na: 2\n')).toThrow(
      expect.objectContaining({
        errors: [
          expect.objectContaining({ code: 'duplicate-key', place: expect.objectContaining({ line: 2 }) }),
        ],
      }),
    )
  })

  test('formats nothing into nothing', () => {
    expect(format('')).toBe('')
    expect(format('\n---\n\n')).toBe('')
    expect(format('# only a comment\n')).toBe('# only a comment\n')
  })

  const piece = fc.constantFrom(
    'apiVersion: infra/v1',
    'spec:',
    'kind: Volume',
    'metadata:',
    '  name: a # note',
    '    size:   3',
    '  - x',
    '  -   y: 1',
    '      z: "q"',
    '# comment',
    '  # inner',
    '',
    '   ',
    '---',
    '--- # c',
    'list: [a,  b]',
    'map: {a:   1}',
    "text: 'it''s'",
    'block: |',
    '  body',
    '    more',
    'number: 1.50',
    'oct: 0x1F',
    'empty:',
    '...',
    'long: >-',
    '"k": v',
  )
  test('is idempotent, keeps meaning and keeps every comment', () => {
    let formatted = 0
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
        const text = `${pieces.join('\n')}\n`
        let once: string
        try {
          once = format(text)
        } catch {
          return
        }
        formatted++
        expect(format(once), text).toBe(once)
        expect(values(once), text).toEqual(values(text))
        const comments = (of: string) => of.match(/#/g)?.length ?? 0
        expect(comments(once), JSON.stringify([text, once])).toBe(comments(text))
      }),
      { numRuns: 1500 },
    )
    expect(formatted).toBeGreaterThan(100)
  })
})
