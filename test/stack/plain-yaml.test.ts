// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import fc from 'fast-check'
import { load as otherParser } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { cutDocuments } from '../../src/stack/documents.js'
import { readExact } from '../../src/stack/exact-yaml.js'
import { declined, readPlain } from '../../src/stack/plain-yaml.js'

const plain = (text: string) => readPlain(text, 0, text.length)

/** Lines that look like YAML of people, with what could trip a reader up. */
const scalar = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'a',
      'some words',
      '1GiB',
      '10.0.0.1/24',
      '::1',
      'http://x/y?z#a',
      'a:b',
      '-x',
      '3',
      '0',
      '-7',
    ),
  },
  fc.constantFrom(
    '1.5',
    '01',
    '0x1F',
    '0o17',
    '1e3',
    '.5',
    '5.',
    '+3',
    '-0',
    '1_000',
    '.inf',
    '-.INF',
    '.nan',
    '12345678901234567890',
  ),
  fc.constantFrom(
    'true',
    'False',
    'TRUE',
    'yes',
    'on',
    'null',
    '~',
    'Null',
    '',
    'NULL',
    'nil',
    '=',
    '<<',
    '2024-01-01',
    '12:30:45',
  ),
  fc.constantFrom(
    '"a b"',
    "'it''s'",
    '"esc\\n"',
    '"a" b',
    "'open",
    '"#no"',
    "'a: b'",
    '"${x}"',
    "'' ''",
    '""',
    "''''",
  ),
  fc.constantFrom(
    'a # c',
    'a#b',
    '# c',
    'a: b',
    'a:',
    '- a',
    '-',
    '?',
    '? a',
    '&a b',
    '*a',
    '!!str 3',
    '%x',
    '@x',
    '`x',
    '${Kind.name.x}',
    '{a',
    'b]',
    '[',
    ',',
  ),
  fc.constantFrom(
    '[]',
    '{}',
    '[a, b]',
    '[a,b]',
    '[1, "x", [true]]',
    '{a: 1, b: [x]}',
    '{a: }',
    '{a}',
    '[a, ]',
    '[a b, c]',
    '[a: b]',
    '{a: b: c}',
    '[a]]',
    '[a] # c',
    '[a]#c',
    '["a"b]',
    '{"a": 1}',
    '{a:1}',
    '{"a":1,"b":[{"c":"d"}]}',
    '{"a": {}, "b":null}',
    '{"a":b}',
    '{"a" :1}',
    '{"a":1,"a":2}',
    '{"":1}',
    '{"__proto__":1}',
    '{"true":1}',
    '{"1":2}',
    '{"a":-1.5}',
    '{"a":"b":1}',
    '{"a":"x\\u0041"}',
    '{"a":1 "b":2}',
    '{"a"}',
    '{"a",b: 1}',
    '{"a"::b}',
    '{"a":\'b\'}',
    "{'a':1}",
    '[-1, .5, +2]',
    '[ ]',
    '[null, ~]',
  ),
  fc.constantFrom('|', '|-', '|+', '>', '|2', '| # c', '|-x'),
  fc.constantFrom('ü ß 漢', '\u00a0', '\u2028', '😀', '\ufeff', 'tab\there', 'cr\r', 'x '),
)
const key = fc.constantFrom(
  'a',
  'b',
  'c',
  'name',
  'k.e/y-1',
  'true',
  'null',
  '1',
  '"q"',
  "'s'",
  '<<',
  '__proto__',
  '__proto',
  'constructor',
  'a b',
  '- a',
  '? a',
  '~',
  '_',
  'A',
)
const indent = fc.integer({ min: 0, max: 6 }).map(width => ' '.repeat(width))
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(indent, key, scalar).map(([spaces, name, value]) => `${spaces}${name}: ${value}`),
  },
  { weight: 3, arbitrary: fc.tuple(indent, key).map(([spaces, name]) => `${spaces}${name}:`) },
  { weight: 3, arbitrary: fc.tuple(indent, scalar).map(([spaces, value]) => `${spaces}- ${value}`) },
  {
    weight: 2,
    arbitrary: fc.tuple(indent, key, scalar).map(([spaces, name, value]) => `${spaces}- ${name}: ${value}`),
  },
  fc.tuple(indent, scalar).map(([spaces, value]) => spaces + value),
  indent,
  fc
    .tuple(indent, fc.constantFrom('# note', '#', '-', '- - x', '- -', '-  a: 1', 'a:  1', 'a :1', '\tx: 1'))
    .map(([spaces, text]) => spaces + text),
)

/** Documents that hold together, so that whole structures are compared, and not only the places where they break. */
const value: fc.Arbitrary<unknown> = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('a', 'x y', '0', 'true', '- a', 'a\nb\n', 'a\n\n b', ''),
    ),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_./-]{0,8}$/), tie('any'), { maxKeys: 4 }),
  ),
})).any

function agrees(text: string): void {
  const fast = plain(text)
  if (fast === declined) return
  const exact = readExact(text)
  expect(exact, text).toEqual({ value: fast })
  expect(otherParser(text), text).toEqual(fast)
}

describe('the fast reader', () => {
  test('gives what two full parsers give, or declines: lines put together at random', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 7 }), lines => {
        agrees(`${lines.join('\n')}\n`)
        agrees(lines.join('\n'))
      }),
      { numRuns: 6000 },
    )
  })

  test('gives what two full parsers give, or declines: documents as people write them', async () => {
    const { stringify } = await import('yaml')
    let read = 0
    fc.assert(
      fc.property(
        value,
        fc.constantFrom({}, { indentSeq: false }, { lineWidth: 0 }, { collectionStyle: 'flow' as const }),
        (data, options) => {
          const text = stringify({ top: data }, { ...options, aliasDuplicateObjects: false })
          if (plain(text) !== declined) read++
          agrees(text)
        },
      ),
      { numRuns: 1500 },
    )
    // It would agree with everything if it declined everything.
    expect(read).toBeGreaterThan(500)
  })

  test('gives what two full parsers give, or declines: JSON on one line', () => {
    fc.assert(
      fc.property(value, one => agrees(`spec: ${JSON.stringify(one)}\n`)),
      { numRuns: 2000 },
    )
  })

  test('reads what stacks are made of', () => {
    const text = `# a comment
apiVersion: infra/v1

kind: VirtualMachine # another
metadata:
  name: web
  labels: {app.kubernetes.io/name: web, "tier": front}
  annotations: {"of":"a program","n":1}
spec:
  vcpus: 4
  ratio: 0.5
  on: yes
  empty:
  none: ~
  image: \${Image.debian.reference}
  url: https://x.example/y#z
  list:
  - a
  - b: 1
    c: 'it''s'
  -
    d: "x # y"
  - - 1
    - [2, 3]
  script: |
    #!/bin/sh
      echo "$1"

    exit 0
  stripped: |-
    a
    b

  last: true
`
    const expected = {
      apiVersion: 'infra/v1',
      kind: 'VirtualMachine',
      metadata: {
        name: 'web',
        labels: { 'app.kubernetes.io/name': 'web', tier: 'front' },
        annotations: { of: 'a program', n: 1 },
      },
      spec: { script: '#!/bin/sh\n  echo "$1"\n\nexit 0\n', stripped: 'a\nb', none: null, on: 'yes' },
    }
    expect(plain(text)).toMatchObject(expected)
    agrees(text)
  })

  const left: { reason: string; text: string }[] = [
    { reason: 'anchors', text: 'a: &x 1\n' },
    { reason: 'aliases', text: 'a: *x\n' },
    { reason: 'tags', text: 'a: !!str 1\n' },
    { reason: 'folded text', text: 'a: >\n  b\n' },
    { reason: 'a text over two lines', text: 'a: b\n  c\n' },
    { reason: 'a number in an unusual spelling', text: 'a: 007\n' },
    { reason: 'a key twice', text: 'a: 1\na: 2\n' },
    { reason: 'a key that is a number', text: '1: a\n' },
    { reason: 'the prototype', text: '__proto__: 1\n' },
    { reason: 'tabs', text: 'a:\t1\n' },
    { reason: 'carriage returns', text: 'a: 1\r\n' },
    { reason: 'a scalar alone', text: 'a\n' },
    { reason: 'nothing', text: '# a\n' },
    {
      reason: 'deep nesting',
      text: `${Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')}\n`,
    },
    { reason: 'a key that is too long', text: `${'k'.repeat(1100)}: 1\n` },
  ]
  test.each(left)('leaves $reason to the full parser', ({ text }) => {
    expect(plain(text)).toBe(declined)
  })
})

describe('cutting documents', () => {
  const cut = (text: string) => {
    const { ranges, problems } = cutDocuments(text)
    return { texts: ranges.map(({ from, to }) => text.slice(from, to)), problems: problems.length }
  }

  test('gives as many documents as the full parser finds, with the same values', async () => {
    const { parseAllDocuments } = await import('yaml')
    const piece = fc.constantFrom(
      '---\n',
      '--- \n',
      '--- # c\n',
      '...\n',
      'a: 1\n',
      'b: |\n  ---\n   ...\n',
      '# c\n',
      '\n',
      'c: "-- -"\n',
      '---x: 1\n',
      ' ---\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
        const text = pieces.join('')
        const documents = parseAllDocuments(text, { uniqueKeys: true })
        if (!Array.isArray(documents) || documents.some(one => one.errors.length > 0)) return
        const whole = documents.map(one => one.toJS() as unknown).filter(one => one !== null)
        const { texts } = cut(text)
        const parts = texts.map(part => readExact(part))
        expect(
          parts.map(part => ('value' in part ? part.value : part)),
          JSON.stringify(text),
        ).toEqual(whole)
      }),
      { numRuns: 2000 },
    )
  })

  test('accepts %YAML 1.2 and no other directive', () => {
    expect(cut('%YAML 1.2\n---\na: 1\n')).toEqual({ texts: ['\na: 1\n'], problems: 0 })
    expect(cut('%YAML 1.1\n---\na: 1\n').problems).toBe(1)
    expect(cut('%TAG ! x\n---\na: 1\n').problems).toBe(1)
  })

  test('leaves out what holds nothing', () => {
    expect(cut('').texts).toEqual([])
    expect(cut('---\n# a\n---\n\n---\na: 1\n---').texts).toEqual(['\na: 1\n'])
  })
})
