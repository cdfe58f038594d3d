// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { errorOf, errorsOf, load, volume, withFiles } from './stacks.js'

/** Reads, and fails when it computes longer than a person would wait. Milliseconds of this process, whatever the machine does. */
async function quickly<T>(limit: number, run: () => Promise<T>): Promise<T> {
  const start = process.cpuUsage()
  const result = await run()
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 1000).toBeLessThan(limit)
  return result
}

const readIn = (folder: string, name = 'stack.yaml') => readStack({ path: join(folder, name), kinds })

const head = 'apiVersion: infra/v1\nkind: Volume\nmetadata: {name: a}\n'

describe('hostile input is refused clearly and quickly', () => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x, x]',
    ...'bcdefghij'.split('').map((name, index) => {
      const before = 'abcdefghij'.charAt(index)
      return `${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`
    }),
  ].join('\n')
  const table: { reason: string; text: string; code: string; line?: number }[] = [
    { reason: 'an alias bomb', text: bomb, code: 'alias-bomb' },
    { reason: 'an alias within itself', text: 'a: &a [*a]\n', code: 'alias-bomb' },
    { reason: 'an alias of nothing', text: 'a: *b\n', code: 'syntax' },
    { reason: 'thousands of brackets', text: `a: ${'['.repeat(5000)}`, code: 'too-deep', line: 1 },
    {
      reason: 'thousands of closed brackets',
      text: `a: ${'['.repeat(5000)}${']'.repeat(5000)}`,
      code: 'too-deep',
    },
    { reason: 'thousands of braces', text: `a: ${'{a: '.repeat(5000)}`, code: 'too-deep' },
    { reason: 'brackets on lines of their own', text: `a:\n${' [\n'.repeat(5000)}`, code: 'too-deep' },
    { reason: 'thousands of dashes', text: `${'- '.repeat(5000)}a\n`, code: 'too-deep', line: 1 },
    { reason: 'thousands of question marks', text: `${'? '.repeat(5000)}a\n`, code: 'too-deep' },
    {
      reason: 'hundreds of levels of indentation',
      text: Array.from({ length: 900 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      code: 'too-deep',
      line: 101,
    },
    {
      reason: 'the prototype',
      text: `${head}spec: {size: 1GiB}\n__proto__: {polluted: true}\n`,
      code: 'bad-key',
      line: 5,
    },
    {
      reason: 'the prototype in depth',
      text: `${head}spec:\n  __proto__:\n    polluted: true\n`,
      code: 'bad-key',
      line: 5,
    },
    { reason: 'a marker of the engine', text: `${head}spec:\n  size: {$unresolved: x}\n`, code: 'bad-key' },
    {
      reason: 'a key twice',
      text: `${head}spec:\n  size: 1GiB\n  size: 2GiB\n`,
      code: 'duplicate-key',
      line: 6,
    },
    {
      reason: 'a key twice, quoted',
      text: `${head}spec:\n  size: 1GiB\n  "size": 2GiB\n`,
      code: 'duplicate-key',
      line: 6,
    },
    {
      reason: 'a control character',
      text: `${head}spec: {size: "\u001b[2J"}\n`,
      code: 'control-character',
      line: 4,
    },
    {
      reason: 'an escaped control character',
      text: `${head}spec: {size: "\\e[2J"}\n`,
      code: 'control-character',
      line: 4,
    },
    { reason: 'a map as a key', text: '{a: 1}: b\n', code: 'bad-key' },
    {
      reason: 'a number too large',
      text: `${head}spec: {size: 12345678901234567890}\n`,
      code: 'bad-number',
      line: 4,
    },
    { reason: 'a tag', text: `${head}spec: {size: !!js/function "x"}\n`, code: 'syntax', line: 4 },
    { reason: 'one line of a megabyte and more', text: `a: ${'x'.repeat(2_000_000)}\n`, code: 'too-large' },
  ]
  test.each(table)('$reason', async ({ text, code, line }) => {
    const errors = await quickly(5000, () => errorsOf(load(text)))
    expect(errors.map(error => error.code)).toContain(code)
    expect(errors.length).toBeLessThanOrEqual(20)
    const error = errors.find(one => one.code === code)
    expect(error?.place?.line).toBeGreaterThan(0)
    if (line !== undefined) expect(error?.place?.line).toBe(line)
    expect(({} as { polluted?: true }).polluted).toBeUndefined()
  })

  const names: { reason: string; name: string }[] = [
    { reason: 'a way up', name: '"../../etc/passwd"' },
    { reason: 'two dots', name: '".."' },
    { reason: 'a slash', name: 'a/b' },
    { reason: 'a line end', name: '"a\\nb"' },
    { reason: 'brackets', name: '"a[b]"' },
    { reason: 'white space', name: 'a b' },
    { reason: 'nothing', name: '""' },
    { reason: 'great length', name: 'x'.repeat(300) },
    { reason: 'a turn of direction', name: '"a\u202eb"' },
    { reason: 'a number', name: '12' },
  ]
  test.each(names)('a name that is $reason', async ({ name }) => {
    const text = volume('x').replace('name: x', `name: ${name}`)
    const error = await errorOf(load(text))
    expect(['invalid-name', 'invalid-value']).toContain(error.code)
    expect(error.place).toMatchObject({ line: 4, column: 9 })
    const stack = `apiVersion: infra/v1\nkind: Stack\nmetadata:\n  name: ${name}\n`
    expect((await errorOf(load(stack))).place).toMatchObject({ line: 4, column: 9 })
  })

  test('names that objects have by themselves are names like any other', async () => {
    const text = ['constructor', 'toString', 'hasOwnProperty'].map(name => volume(name)).join('')
    const stack = await load(`${text}${volume('a', '  description: ${Volume.constructor.size}\n')}`)
    expect([...stack.resources.keys()]).toContain('Volume/constructor')
    expect(stack.resources.get('Volume/a')?.spec.description).toBe('1GiB')
    const wrong = volume('a', '  description: ${Volume.toString.constructor}\n') + volume('toString')
    expect((await errorOf(load(wrong))).code).toBe('unknown-attribute')
    const field = await errorOf(load(volume('a', '  constructor: x\n')))
    expect(field).toMatchObject({ code: 'unknown-field', place: { line: 7, column: 3, length: 11 } })
  })
})

describe('hostile files', () => {
  const bytes: { reason: string; content: Uint8Array; line: number; column: number }[] = [
    {
      reason: 'invalid UTF-8',
      content: Buffer.concat([Buffer.from('a: 1\nb: '), Buffer.from([0xff])]),
      line: 2,
      column: 4,
    },
    { reason: 'UTF-16', content: Buffer.from('\ufeffa: 1\n', 'utf16le'), line: 1, column: 1 },
    {
      reason: 'a lone surrogate',
      content: Buffer.from([0x61, 0x3a, 0x20, 0xed, 0xa0, 0x80]),
      line: 1,
      column: 4,
    },
  ]
  test.each(bytes)('$reason', async ({ content, line, column }) => {
    await withFiles({ 'stack.yaml': content }, async folder => {
      expect(await errorOf(readIn(folder))).toMatchObject({ code: 'not-utf8', place: { line, column } })
    })
  })

  test('a byte order mark and carriage returns do no harm', async () => {
    const text = `\ufeff${volume('a')}`.replaceAll('\n', '\r\n')
    expect([...(await load(text)).resources.keys()]).toEqual(['Volume/a'])
  })

  const large: { reason: string; make: () => string; codes: string[] }[] = [
    { reason: 'one long text', make: () => `a: ${'x'.repeat(50_000_000)}`, codes: ['too-large'] },
    { reason: 'brackets', make: () => '['.repeat(50_000_000), codes: ['too-large'] },
    { reason: 'line ends', make: () => '\n'.repeat(50_000_000), codes: [] },
    { reason: 'document markers', make: () => '---\n'.repeat(12_500_000), codes: [] },
    {
      reason: 'broken documents',
      make: () => `a: [${'b'.repeat(240)}\n---\n`.repeat(200_000),
      codes: ['syntax', 'too-many-errors'],
    },
    {
      reason: 'tiny documents',
      make: () => 'a: b\n---\n'.repeat(5_500_000),
      codes: ['too-large'],
    },
    {
      reason: 'documents of no kind',
      make: () => `a: ${'b'.repeat(240)}\n---\n`.repeat(200_000),
      codes: ['not-a-document', 'too-many-errors'],
    },
    {
      reason: 'documents for the slow parser',
      make: () => `a: &x 1\nb: *x\nc: ${'b'.repeat(230)}\n---\n`.repeat(200_000),
      codes: ['too-large'],
    },
    { reason: 'control characters', make: () => '\u0001'.repeat(50_000_000), codes: ['control-character'] },
  ]
  test.each(large)('50 MB of $reason', { timeout: 180_000 }, async ({ make, codes }) => {
    await withFiles({ 'stack.yaml': make() }, async folder => {
      const errors = await quickly(15_000, () =>
        codes.length > 0 ? errorsOf(readIn(folder)) : readIn(folder).then(() => []),
      )
      for (const code of codes) expect(errors.map(error => error.code)).toContain(code)
      expect(errors.length).toBeLessThan(1100)
    })
  })

  test('a larger file is not read at all', async () => {
    await withFiles({}, async folder => {
      const path = join(folder, 'stack.yaml')
      // A file of holes: it takes no space, and reading it would take half a minute.
      await promisify(execFile)('truncate', ['-s', '64G', path])
      const error = await quickly(3000, () => errorOf(readIn(folder)))
      expect(error).toMatchObject({ code: 'too-large', kind: 'configuration' })
    })
  })

  test('a pipe, a folder that holds nothing, and a missing file are told apart', async () => {
    await withFiles({ 'sub/x.txt': '' }, async folder => {
      await promisify(execFile)('mkfifo', [join(folder, 'stack.yaml')])
      const pipe = await quickly(3000, () => errorOf(readIn(folder)))
      expect(pipe).toMatchObject({ code: 'cannot-read', why: 'It is not a regular file.' })
      expect(await errorOf(readIn(folder, 'sub'))).toMatchObject({
        code: 'empty-stack',
        kind: 'configuration',
      })
      expect(await errorOf(readIn(folder, 'nope'))).toMatchObject({
        code: 'cannot-read',
        hint: expect.anything(),
      })
    })
  })

  test('a pattern without end does not hang', async () => {
    const text = `apiVersion: infra/v1
kind: Stack
metadata: {name: a}
spec:
  variables:
    v: {pattern: "(a+)+", default: ${'a'.repeat(40)}b}
`
    expect(await quickly(5000, () => errorOf(load(text)))).toMatchObject({ code: 'invalid-variable' })
  })
})
