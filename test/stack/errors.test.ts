// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'
import { errorOf, errorsOf, load, stackOf, volume, withFiles } from './stacks.js'

const machine = (spec: string): string => `apiVersion: infra/v1
kind: VirtualMachine
metadata:
  name: web
spec:
${spec}`

describe('errors', () => {
  test('of one stack are all told, in the order of files and lines', async () => {
    const files = {
      'a.yaml': `apiVersion: infra/v1
kind: Volum
metadata:
  name: a
  lables: {}
spec: {}
---
a: [
---
apiVersion: infra/v2
kind: Volume
metadata: {name: "b c"}
spec: 3
---
apiVersion: infra/v1
kind: Volume
metadata: {name: d, labels: {x: 3}, managed: yes please, lifecycle: {preventDestory: true}}
spec: {size: 1, sise: 2, description: '\${var.x} \${env.HOME}'}
---
kind: Stack
`,
      'b.yaml': 'x\n---\n- a\n---\nspec: {}\n',
    }
    await withFiles(files, async folder => {
      const errors = await errorsOf(readStack({ path: folder, kinds }))
      const told = errors.map(
        ({ code, place }) =>
          `${place?.file.slice(folder.length + 1)}:${place?.line}:${place?.column} ${code}`,
      )
      expect(told).toEqual([
        'a.yaml:2:7 unknown-kind',
        'a.yaml:5:3 unknown-field',
        'a.yaml:9:1 syntax',
        'a.yaml:10:13 unknown-version',
        'a.yaml:12:18 invalid-name',
        'a.yaml:13:7 invalid-value',
        'a.yaml:17:33 invalid-value',
        'a.yaml:17:46 invalid-value',
        'a.yaml:17:70 unknown-field',
        'a.yaml:18:14 invalid-value',
        'a.yaml:18:17 unknown-field',
        'a.yaml:18:40 unknown-variable',
        'a.yaml:18:49 undeclared-environment',
        'a.yaml:20:1 missing-field',
        'a.yaml:20:1 missing-field',
        'b.yaml:1:1 not-a-document',
        'b.yaml:3:1 not-a-document',
        'b.yaml:5:1 missing-field',
        'b.yaml:5:1 missing-field',
      ])
      for (const error of errors) {
        expect(error.place?.text, error.message).toBeDefined()
        expect(error.message).not.toMatch(/[.\n]$/)
        expect(error.hint, error.message).toBeDefined()
      }
    })
  })

  test('that follow from a mistake at its own place are not told beside it', async () => {
    const text = volume('a').replace('name: a', 'name: "a')
    expect(text).toContain('"a')
    const errors = await errorsOf(load(text))
    const places = errors.map(({ place }) => `${place?.line}:${place?.column}`)
    expect(new Set(places).size).toBe(places.length)
  })

  const table: { reason: string; text: string; error: object }[] = [
    {
      reason: 'an unknown field names the nearest, with a mark over all of it',
      text: machine('  vcpu: 2\n  vcpus: 1\n  memoryGiB: 2\n  bootDisk: {sizeGB: 1, empty: true}\n'),
      error: {
        kind: 'validation',
        code: 'unknown-field',
        address: 'VirtualMachine/web',
        message: 'There is no field `vcpu`',
        hint: 'Did you mean `vcpus`?',
        place: { line: 6, column: 3, text: '  vcpu: 2', length: 4 },
      },
    },
    {
      reason: 'a field of the metadata that was written into the spec is sent there',
      text: machine('  forEach: [a]\n  vcpus: 1\n  memoryGiB: 2\n  bootDisk: {sizeGB: 1, empty: true}\n'),
      error: {
        code: 'unknown-field',
        message: 'There is no field `forEach`',
        hint: 'It stands under `metadata`.',
        place: { line: 6, column: 3, length: 7 },
      },
    },
    {
      reason: 'a field of the lifecycle that was written into the metadata is sent there',
      text: volume('a').replace('name: a', 'name: a\n  preventDestroy: true'),
      error: {
        code: 'unknown-field',
        message: 'There is no field `preventDestroy` in `metadata`',
        hint: 'It stands under `metadata.lifecycle`.',
      },
    },
    {
      reason: 'a field of the spec that was written beside it is sent there',
      text: machine('  vcpus: 1\n  memoryGiB: 2\n  bootDisk: {sizeGB: 1, empty: true}\nautostart: true\n'),
      error: {
        code: 'unknown-field',
        message: 'There is no field `autostart` in a document',
        hint: 'It stands under `spec`.',
      },
    },
    {
      reason: 'what a map in depth lacks is not looked for elsewhere',
      text: machine('  vcpus: 1\n  memoryGiB: 2\n  bootDisk: {sizeGB: 1, empty: true, labels: {}}\n'),
      error: { code: 'unknown-field', hint: expect.not.stringContaining('stands under') },
    },
    {
      reason: 'a missing field is told at the map that lacks it',
      text: machine('  vcpus: 1\n  bootDisk: {sizeGB: 1, empty: true}\n'),
      error: {
        code: 'missing-field',
        message: 'The field `memoryGiB` is missing',
        place: { line: 5, column: 1, length: 4 },
      },
    },
    {
      reason: 'a missing field in depth',
      text: machine(
        '  vcpus: 1\n  memoryGiB: 1\n  bootDisk: {sizeGB: 1, empty: true}\n  dataDisks:\n    - device: vdb\n',
      ),
      error: {
        code: 'missing-field',
        message: 'The field `sizeGB` is missing in `dataDisks[0]`',
        place: { line: 10, column: 7 },
      },
    },
    {
      reason: 'a value of the wrong type',
      text: machine('  vcpus: "2"\n  memoryGiB: 1\n  bootDisk: {sizeGB: 1, empty: true}\n'),
      error: {
        code: 'invalid-value',
        message: '`vcpus`: must be a number, and is a text',
        place: { line: 6, column: 10, length: 3 },
      },
    },
    {
      reason: 'an empty value',
      text: machine('  vcpus: 1\n  memoryGiB:\n  bootDisk: {sizeGB: 1, empty: true}\n'),
      error: {
        code: 'invalid-value',
        hint: 'It is empty: give it a value or remove the field.',
        place: { line: 7 },
      },
    },
    {
      reason: 'one of several shapes: the nearest one is told of',
      text: machine('  vcpus: 1\n  memoryGiB: 1\n  bootDisk: {sizeGB: 1, imag: x}\n'),
      error: {
        code: 'unknown-field',
        hint: 'Did you mean `image`?',
        place: { line: 8, column: 25, length: 4 },
      },
    },
    {
      reason: 'a rule of the kind',
      text: machine(
        '  vcpus: 1\n  memoryGiB: 1\n  bootDisk: {sizeGB: 1, empty: true}\n  dataDisks:\n    - {device: vdb, sizeGB: 1}\n    - {device: vdb, sizeGB: 2}\n',
      ),
      error: {
        code: 'duplicate-device',
        message: 'Two disks are `vdb`',
        place: { line: 11, column: 16, length: 3 },
      },
    },
    {
      reason: 'a second document for an address',
      text: volume('a') + volume('a'),
      error: {
        code: 'duplicate-name',
        why: expect.stringContaining('line 1'),
        place: { line: 11, column: 9, length: 1 },
      },
    },
    {
      reason: 'names that differ only in case',
      text: volume('a') + volume('A'),
      error: { code: 'duplicate-name', message: 'Volume/A and Volume/a differ only in upper and lower case' },
    },
    {
      reason: 'a second Stack document',
      text: stackOf('  state: {path: x}\n') + stackOf('  state: {path: x}\n'),
      error: { code: 'duplicate-stack', place: { line: 9, column: 7 } },
    },
    {
      reason: 'an unknown field of the Stack document',
      text: stackOf('  variable: {}\n'),
      error: {
        code: 'unknown-field',
        message: 'There is no field `variable` in `spec`',
        hint: 'Did you mean `variables`?',
        place: { line: 6, column: 3 },
      },
    },
    {
      reason: 'a reference in a name',
      text: volume('"a-${var.x}"'),
      error: { code: 'invalid-name', hint: expect.stringContaining('metadata.objectName') },
    },
    {
      reason: 'an object name that is a path',
      text: volume('a', '', '  objectName: ../x\n'),
      error: { code: 'invalid-name', place: { line: 5, column: 15 } },
    },
    {
      reason: 'a missing bracket',
      text: `${volume('a')}a: [1, 2\nb: 3\n`,
      error: { code: 'syntax', why: expect.anything(), hint: expect.stringContaining('Close the') },
    },
    {
      reason: 'values of variables in the place of a document',
      text: `${volume('a')}---\nsize: 20GiB\n`,
      error: { code: 'not-a-document', hint: expect.stringContaining('.vars.yaml'), place: { line: 9 } },
    },
    {
      reason: 'variables under the name that other tools have for them',
      text: volume('a', '  description: ${vars.size}\n'),
      error: { code: 'unknown-resource', hint: 'Did you mean `${var.size}`?', place: { line: 7 } },
    },
    {
      reason: 'a colon in a text',
      text: volume('a', '  description: a: b\n'),
      error: { code: 'syntax', hint: 'Quote the text if the colon belongs to it.', place: { line: 7 } },
    },
    {
      reason: 'a tab',
      text: volume('a', '\tdescription: b\n'),
      error: { code: 'syntax', place: { line: 7 } },
    },
  ]
  test.each(table)('$reason', async ({ text, error }) => {
    const first = (await errorsOf(load(text)))[0]
    expect(first).toMatchObject(error)
  })

  test('of a broken document do not make others of those that refer to it', async () => {
    const text = `${volume('broken', '  sise: 1\n') + volume('syntax', '  a: [\n')}${volume('a', '  description: ${Volume.broken.path} ${Volume.syntax.path}\n', '  dependsOn: [Volume/broken]\n')}`
    expect((await errorsOf(load(text))).map(error => error.code)).toEqual(['unknown-field', 'syntax'])
  })

  test('never hold the value of a secret', async () => {
    const head = stackOf(
      '  variables: {p: {sensitive: true, pattern: "[a-z]+"}, q: {type: number, sensitive: true}}\n',
    )
    const errors = await errorsOf(
      load(head + volume('a', '  pool: 3\n'), { variables: { p: 'TOP-SECRET-1', q: 'TOP-SECRET-2' } }),
    )
    expect(errors.map(error => error.code)).toEqual(['invalid-variable', 'invalid-variable', 'invalid-value'])
    expect(JSON.stringify(errors.map(error => error.details()))).not.toContain('TOP-SECRET')
    const used =
      stackOf('  variables: {p: {sensitive: true}}\n') +
      machine(
        '  vcpus: ${var.p}\n  memoryGiB: 1\n  bootDisk: {sizeGB: 1, empty: true}\n  cpuMode: ${var.p}\n',
      )
    const misfits = await errorsOf(load(used, { variables: { p: 'TOP-SECRET' } }))
    expect(misfits).toHaveLength(2)
    expect(JSON.stringify(misfits.map(error => error.details()))).not.toContain('TOP-SECRET')
  })
})

describe('variables', () => {
  const head = `  environment: [REGION]
  variables:
    text: {default: d}
    count: {type: number, default: 1}
    flag: {type: boolean, default: false}
    list: {type: list, default: [a]}
    map: {type: map, default: {a: {b: 1}}}
`
  const probe = `apiVersion: infra/v1
kind: VirtualCluster
metadata: {name: c}
spec:
  values: {text: "\${var.text}", count: "\${var.count}", flag: "\${var.flag}", list: "\${var.list}", map: "\${var.map.a.b}"}
`
  const values = async (options: Parameters<typeof load>[1]) =>
    (await load(stackOf(head) + probe, options)).resources.get('VirtualCluster/c')?.spec.values

  test('come from flags, files, the environment and defaults, in that order, by their type', async () => {
    expect(await values({})).toEqual({ text: 'd', count: 1, flag: false, list: ['a'], map: 1 })
    const environment = {
      INFRA_VAR_text: 'e',
      INFRA_VAR_COUNT: '2',
      INFRA_VAR_flag: 'true',
      INFRA_VAR_list: '[x, 1]',
      INFRA_VAR_other: 'x',
    }
    expect(await values({ environment })).toEqual({ text: 'e', count: 2, flag: true, list: ['x', 1], map: 1 })
    await withFiles(
      { '1.yaml': 'text: f\ncount: 3\n', '2.yaml': 'count: 4\nmap: {a: {b: [2]}}\n' },
      async folder => {
        const variableFiles = [join(folder, '1.yaml'), join(folder, '2.yaml')]
        const merged = { text: 'f', count: 4, flag: true, list: ['x', 1], map: [2] }
        expect(await values({ environment, variableFiles })).toEqual(merged)
        const variables = { text: '007', list: ['y'], map: '{"a": {"b": "c"}}' }
        expect(await values({ environment, variableFiles, variables })).toEqual({
          ...merged,
          text: '007',
          list: ['y'],
          map: 'c',
        })
      },
    )
  })

  const limits: { reason: string; given: string; told: string | undefined }[] = [
    { reason: 'the least', given: '1', told: undefined },
    { reason: 'the most', given: '8', told: undefined },
    { reason: 'less than the least', given: '0', told: 'The value of `n` from --var is less than 1' },
    { reason: 'more than the most', given: '9', told: 'The value of `n` from --var is more than 8' },
    {
      reason: 'none of those it may be',
      given: '5',
      told: 'The value of `n` from --var is not one of 1, 2, 8',
    },
  ]
  test.each(limits)('are held to what they may be: $reason', async ({ given, told }) => {
    const text = stackOf('  variables: {n: {type: number, minimum: 1, maximum: 8, oneOf: [1, 2, 8]}}\n')
    const bounds = stackOf('  variables: {n: {type: number, minimum: 1, maximum: 8}}\n')
    const loading = load(told?.includes('than') ? bounds : text, { variables: { n: given } })
    if (told === undefined) await loading
    else expect(await errorOf(loading)).toMatchObject({ code: 'invalid-variable', message: told })
  })

  const wrong: { reason: string; variables: Record<string, string>; code: string; hint?: unknown }[] = [
    { reason: 'no number', variables: { count: 'many' }, code: 'invalid-variable' },
    { reason: 'no boolean', variables: { flag: 'yes' }, code: 'invalid-variable' },
    {
      reason: 'no list',
      variables: { list: 'a' },
      code: 'invalid-variable',
      hint: 'Write it as YAML or JSON, such as [a, b].',
    },
    { reason: 'no map', variables: { map: '[' }, code: 'invalid-variable' },
    {
      reason: 'not declared',
      variables: { texts: 'a' },
      code: 'unknown-variable',
      hint: 'Did you mean `text`?',
    },
  ]
  test.each(wrong)('that are $reason are refused', async ({ variables, code, hint }) => {
    const error = await errorOf(load(stackOf(head) + probe, { variables }))
    expect(error).toMatchObject({ kind: 'configuration', code, ...(hint !== undefined && { hint }) })
  })

  test('without a value are told once, with how to give one', async () => {
    const text =
      stackOf('  variables: {size: {description: How large}}\n') + volume('a', '  description: ${var.size}\n')
    expect(await errorOf(load(text))).toMatchObject({
      code: 'missing-variable',
      why: 'How large',
      hint: 'Give one: --var size=VALUE, INFRA_VAR_size=VALUE, a --var-file, or a default.',
      place: { line: 6, column: 15, length: 4 },
    })
  })

  test('fit their pattern as a whole', async () => {
    const text = stackOf('  variables: {zone: {pattern: "eu-[0-9]"}}\n')
    await load(text, { variables: { zone: 'eu-1' } })
    for (const zone of ['eu-12', 'xeu-1', 'eu-1\n']) {
      expect((await errorOf(load(text, { variables: { zone } }))).code).toBe('invalid-variable')
    }
    const broken = stackOf('  variables: {zone: {pattern: "(", default: a}}\n')
    expect((await errorOf(load(broken))).message).toContain('cannot be used')
  })

  test('and declared environment variables alone can be referred to', async () => {
    const environment = { REGION: 'eu', HOME: '/root' }
    const stack = await load(stackOf(head) + volume('a', '  description: ${env.REGION}\n'), { environment })
    expect(stack.resources.get('Volume/a')?.spec.description).toBe('eu')
    const read = (name: string, given = environment) =>
      errorOf(load(stackOf(head) + volume('a', `  description: \${${name}}\n`), { environment: given }))
    expect(await read('env.HOME')).toMatchObject({
      code: 'undeclared-environment',
      place: { line: 20, column: 16, length: 11 },
    })
    expect(await read('env.REGION', {} as typeof environment)).toMatchObject({ code: 'missing-environment' })
    expect(await read('var.txt')).toMatchObject({ code: 'unknown-variable', hint: 'Did you mean `text`?' })
    expect(await read('var.map.x')).toMatchObject({ code: 'unknown-attribute' })
    expect(await read('each.key')).toMatchObject({ code: 'invalid-reference' })
  })

  test('have plain defaults', async () => {
    const error = await errorOf(load(stackOf('  variables: {a: {default: "${env.HOME}"}}\n')))
    expect(error).toMatchObject({ code: 'invalid-variable', hint: 'Write a plain value.' })
  })
})
