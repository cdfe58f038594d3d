// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { createHash } from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { InfraErrors } from '../../src/model/error.js'
import { type LoadInput, readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { stackOf, withFiles } from './stacks.js'

const head = '  variables: {size: {default: 1GiB}}\n'
const volume = (name: string, spec: string) =>
  `---\napiVersion: infra/v1\nkind: Volume\nmetadata:\n  name: ${name}\nspec:\n${spec}`

/** Large enough to be worth keeping. */
const stack = (spec = head, more = '') =>
  stackOf(spec) +
  Array.from({ length: 150 }, (_, index) =>
    volume(`v${index}`, `  size: \${var.size}\n  description: "${index} ${'x'.repeat(450)}"\n`),
  ).join('') +
  more

const read = (folder: string, more: Partial<LoadInput> = {}) =>
  readStack({
    path: join(folder, 'stack.yaml'),
    kinds,
    cacheFolder: join(folder, 'cache'),
    version: '1',
    ...more,
  })

/** The entries that are resolved stacks. */
async function entries(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'cache')).catch(() => [])
  const files = names.map(name => join(folder, 'cache', name))
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8')))
  return files.filter((_, index) => texts[index]?.includes('"rows":'))
}

/** Writes another payload into the only entry, with a checksum that fits. */
async function forge(folder: string, change: (payload: string) => string): Promise<void> {
  const [file = ''] = await entries(folder)
  const payload = change((await readFile(file, 'utf8')).slice(65))
  await writeFile(file, `${createHash('sha256').update(payload).digest('hex')}\n${payload}`)
}

const sizeOf = async (folder: string, more?: Partial<LoadInput>) =>
  (await read(folder, more)).stack.resources.get('Volume/v7')?.spec.size

describe('a stack that is kept', () => {
  test('is the same in everything, private, and the only thing that is written', async () => {
    const rich = `---
apiVersion: infra/v1
kind: Volume
metadata: {name: rich, labels: {a: b}, annotations: {c: d}, dependsOn: [Volume/v1], lifecycle: {preventDestroy: true}}
spec: {size: 2GiB}
---
apiVersion: infra/v1
kind: Pool
metadata: {name: there, managed: false}
spec: {path: /there}
`
    const spec = `  providers: {libvirt: {uri: "qemu:///system"}}\n  outputs: {first: "\${Volume.v1.size}"}\n`
    await withFiles({ 'stack.yaml': stack(head + spec, rich) }, async folder => {
      const { kept, ...first } = await read(folder)
      const [file = '', ...others] = await readdir(join(folder, 'cache'))
      expect(others).toEqual([])
      expect((await stat(join(folder, 'cache', file))).mode & 0o777).toBe(0o600)
      const again = await read(folder)
      expect(again.stack).toEqual(first.stack)
      expect([...again.stack.resources.keys()]).toEqual([...first.stack.resources.keys()])
      expect(again.files).toEqual(first.files)
      expect(again.kept).toBe(kept)
      expect(again.resolve(() => undefined)).toEqual(first.stack)
    })
  })

  const other: { reason: string; given: Partial<LoadInput>; size: string }[] = [
    { reason: 'nothing changed', given: {}, size: '7GiB' },
    { reason: 'a variable has another value', given: { variables: { size: '2GiB' } }, size: '2GiB' },
    {
      reason: 'the environment gives a variable',
      given: { environment: { INFRA_VAR_size: '3GiB' } },
      size: '3GiB',
    },
    {
      reason: 'something else of the environment changed',
      given: { environment: { HOME: '/else' } },
      size: '7GiB',
    },
    { reason: 'the tool is another', given: { version: '2' }, size: '1GiB' },
    { reason: 'connections are to be checked, too', given: { providerTypes: new Map() }, size: 'an error' },
    { reason: 'a kind is not known any more', given: { kinds: new Map() }, size: 'an error' },
  ]
  test.each(other)('is used only for the same inputs: $reason', async ({ given, size }) => {
    await withFiles({ 'stack.yaml': stack() }, async folder => {
      await read(folder)
      await forge(folder, payload => payload.replaceAll('1GiB', '7GiB'))
      expect(await sizeOf(folder, given).catch(() => 'an error')).toBe(size)
    })
  })

  test('is not used for other files, or another file of variables', async () => {
    await withFiles({ 'stack.yaml': stack(), 'a.vars.yaml': 'size: 4GiB\n' }, async folder => {
      const given = { variableFiles: [join(folder, 'a.vars.yaml')] }
      await read(folder, given)
      await forge(folder, payload => payload.replaceAll('4GiB', '7GiB'))
      expect(await sizeOf(folder, given)).toBe('7GiB')
      await writeFile(join(folder, 'a.vars.yaml'), 'size: 5GiB\n')
      expect(await sizeOf(folder, given)).toBe('5GiB')
      await writeFile(join(folder, 'a.vars.yaml'), 'size: 4GiB\n')
      await writeFile(join(folder, 'stack.yaml'), `${stack()}# a comment\n`)
      expect(await sizeOf(folder, given)).toBe('4GiB')
    })
  })

  const broken: { reason: string; spoil: (file: string, folder: string) => Promise<unknown> }[] = [
    { reason: 'cut off', spoil: async file => writeFile(file, (await readFile(file)).subarray(0, 5000)) },
    { reason: 'empty', spoil: file => writeFile(file, '') },
    {
      reason: 'changed by hand',
      spoil: async file => writeFile(file, (await readFile(file, 'utf8')).replaceAll('1GiB', '7GiB')),
    },
    { reason: 'open to others', spoil: file => chmod(file, 0o640) },
    { reason: 'something else', spoil: (_, folder) => forge(folder, () => '{"rows":[[1]]}') },
    {
      reason: 'of unknown kinds',
      spoil: (_, folder) => forge(folder, text => text.replace('"Volume"', '"Else"')),
    },
    { reason: 'no JSON', spoil: (_, folder) => forge(folder, text => text.slice(1)) },
  ]
  test.each(broken)('is passed over when it is $reason', async ({ spoil }) => {
    await withFiles({ 'stack.yaml': stack() }, async folder => {
      const first = await read(folder)
      const [file = ''] = await entries(folder)
      await spoil(file, folder)
      expect((await read(folder)).stack).toEqual(first.stack)
    })
  })

  const never: { reason: string; spec?: string; more?: string; given?: Partial<LoadInput> }[] = [
    {
      reason: 'a sensitive variable',
      spec: '  variables: {size: {default: 1GiB}, p: {sensitive: true, default: ab}}\n',
    },
    { reason: 'a value of the environment', spec: `${head}  environment: [HOME]\n` },
    { reason: 'a sensitive field', more: volume('secret', '  size: 1GiB\n  key: TOP-SECRET\n') },
    { reason: 'a sensitive output', spec: `${head}  outputs: {a: {value: x, sensitive: true}}\n` },
    { reason: 'an output that is known later', spec: `${head}  outputs: {a: ["\${Volume.v1.path}"]}\n` },
    {
      reason: 'a value that is known later',
      more: volume('later', '  size: 1GiB\n  description: ${Volume.v1.path}\n'),
    },
    {
      reason: 'a kind that lists files of its own',
      given: {
        kinds: new Map([...kinds].map(([name, kind]) => [name, { ...kind, fileLists: ['files'] }])),
      },
    },
  ]
  test.each(never)('is never one with $reason', async ({ spec, more, given }) => {
    await withFiles({ 'stack.yaml': stack(spec, more) }, async folder => {
      expect((await read(folder, given)).kept).toBeUndefined()
      expect(await entries(folder)).toEqual([])
      expect((await read(folder, given)).kept).toBeUndefined()
    })
  })

  test('small and broken stacks are not', async () => {
    await withFiles({ 'stack.yaml': volume('a', '  size: 1GiB\n') }, async folder => {
      expect((await read(folder)).kept).toBeUndefined()
      await writeFile(join(folder, 'stack.yaml'), stack(head, volume('b', '  size: big\n')))
      await expect(read(folder)).rejects.toThrow()
      expect(await entries(folder)).toEqual([])
    })
  })

  test('whatever is found in it later is told at its place', async () => {
    await withFiles({ 'stack.yaml': stack() }, async folder => {
      await read(folder)
      const inspect = async () => [
        {
          address: 'Volume/v0',
          code: 'odd',
          message: 'It is odd.',
          at: 'value' as const,
          paths: [['spec', 'size']],
        },
      ]
      const told = (await read(folder, { inspect }).catch(thrown => thrown)) as InfraErrors
      expect(told.errors[0]?.place).toMatchObject({
        line: expect.any(Number),
        text: expect.stringContaining('size'),
      })
    })
  })

  test('what took the full parser long is kept for stacks that may not be kept', async () => {
    const flow = Array.from({ length: 250 }, (_, index) =>
      volume(`w${index}`, `  size: 1GiB\n  description: "a\\tb"\n  pool: !!str p\n`),
    )
    await withFiles({ 'stack.yaml': stack(head, flow.join('')) }, async folder => {
      await read(folder)
      expect(await readdir(join(folder, 'cache'))).toHaveLength(2)
    })
  })
})
