// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of references
/** Values files of virtual clusters: read with the stack, part of its plan, and held to the chart's own schema. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type InfraError, InfraErrors } from '../../src/model/error.js'
import { nodePorts } from '../../src/model/node-ports.js'
import type { Json } from '../../src/model/value.js'
import { openSession } from '../../src/session/session.js'

const chart = {
  'chart/Chart.yaml': 'name: vcluster\nversion: 0.36.1\n',
  'chart/values.yaml': 'logging: {encoding: console}\ncontrolPlane: {statefulSet: {resources: {}}}\n',
  'chart/values.schema.json': JSON.stringify({
    $ref: '#/$defs/All',
    $defs: {
      All: {
        type: 'object',
        additionalProperties: false,
        required: ['logging'],
        properties: {
          logging: { $ref: '#/$defs/Logging' },
          controlPlane: { type: 'object' },
          exportKubeConfig: { type: 'object' },
        },
      },
      Logging: {
        type: 'object',
        additionalProperties: false,
        properties: { encoding: { type: 'string', enum: ['json', 'console'] } },
      },
    },
  }),
}
const head = (spec: string, metadata = '') =>
  `apiVersion: infra/v1\nkind: VirtualCluster\nmetadata:\n  name: team\n${metadata}spec:\n  chart: {path: chart}\n${spec}`

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-values-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries({ ...chart, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const open = (environment: Readonly<Record<string, string>> = {}, variables: Record<string, Json> = {}) =>
  openSession({ path: folder, ports: nodePorts, signal: AbortSignal.timeout(30_000), environment, variables })

async function errorsOf(files: Readonly<Record<string, string>>): Promise<readonly InfraError[]> {
  await write(files)
  const failure = await open().then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(InfraErrors)
  return (failure as InfraErrors).errors
}

describe('values files', () => {
  test('a change inside one is a change of the plan, value by value', async () => {
    await write({
      'stack.yaml': head('  valuesFiles: [values/base.yaml, "team.values.yaml"]\n'),
      'values/base.yaml': 'logging: {encoding: json}\ncontrolPlane: {a: 1, b: "${not.a.reference}"}\n',
      'team.values.yaml': 'controlPlane: {a: 2}\n',
    })
    const holder = { host: 'test', pid: 1, command: 'test' }
    const control = {
      stopping: AbortSignal.timeout(30_000),
      signal: AbortSignal.timeout(30_000),
      onFailure: async () => 'rollback' as const,
    }
    const first = await open()
    await first.lock(holder)
    const made = await first.plan()
    expect(made.plan.steps[0]?.desired?.spec.values).toEqual({
      logging: { encoding: 'json' },
      controlPlane: { a: 2, b: '${not.a.reference}' },
    })
    expect((await first.apply(made, 'test', control, false)).result).toBe('applied')
    expect((await first.plan()).plan.steps.map(step => step.action)).toEqual([])
    await first.close()

    await write({ 'values/base.yaml': 'logging: {encoding: console}\ncontrolPlane: {a: 1, c: 3}\n' })
    const second = await open()
    const [step] = (await second.plan()).plan.steps
    expect(step?.action).toBe('update')
    expect(step?.changes.map(change => change.path).sort()).toEqual([
      'values.controlPlane.b',
      'values.controlPlane.c',
      'values.logging.encoding',
    ])
    await second.close()
  })

  test('their names may hang on variables and on the instance', async () => {
    await write({
      'stack.yaml': `apiVersion: infra/v1\nkind: Stack\nmetadata: {name: s}\nspec: {variables: {tier: {default: small}}}\n---\n${head(
        '  valuesFiles: ["values/${var.tier}-${each.key}.yaml"]\n',
        '  forEach: [a, b]\n',
      )}`,
      'values/small-a.yaml': 'controlPlane: {x: a}',
      'values/small-b.yaml': '# nothing yet\n',
    })
    const session = await open()
    const values = [...session.stack.resources.values()].map(one => one.spec.values)
    expect(values).toEqual([{ controlPlane: { x: 'a' } }, {}])
    await session.close()
  })

  test.each([
    {
      reason: 'a missing file is told at the entry that names it',
      files: { 'stack.yaml': head('  valuesFiles:\n    - values/none.yaml\n') },
      expected: { code: 'no-values-file', place: { file: 'stack.yaml', line: 8, column: 7 } },
    },
    {
      reason: 'a broken file is told at its own line',
      files: {
        'stack.yaml': head('  valuesFiles: [v/a.yaml]\n'),
        'v/a.yaml': 'logging:\n\tencoding: json\n',
      },
      expected: { code: 'syntax', place: { file: 'v/a.yaml', line: 2 } },
    },
    {
      reason: 'a file without a map holds no values',
      files: { 'stack.yaml': head('  valuesFiles: [v/a.yaml]\n'), 'v/a.yaml': '- a\n' },
      expected: { code: 'invalid-value', place: { file: 'v/a.yaml', line: 1 } },
    },
    {
      reason: 'nothing outside of the stack is read, so that a plan shows no other file',
      files: { 'stack.yaml': head('  valuesFiles: [../secret.yaml]\n') },
      expected: { code: 'outside-stack', place: { file: 'stack.yaml', line: 7 } },
    },
    {
      reason: 'a name cannot come from another resource',
      files: {
        'stack.yaml': `${head('  valuesFiles: ["${VirtualCluster.other.server}"]\n')}---\napiVersion: infra/v1\nkind: VirtualCluster\nmetadata: {name: other}\nspec: {}\n`,
      },
      expected: { code: 'invalid-reference', place: { file: 'stack.yaml', line: 7 } },
    },
  ])('$reason', async ({ files, expected }) => {
    const [error] = await errorsOf(files)
    expect(error).toMatchObject({
      code: expected.code,
      place: { ...expected.place, file: join(folder, expected.place.file) },
    })
  })

  test('a link does not lead out of the stack', async () => {
    await write({ 'stack.yaml': head('  valuesFiles: [v.values.yaml]\n') })
    await symlink('/etc/hostname', join(folder, 'v.values.yaml'))
    const failure = await open().catch(error => error)
    expect(failure.errors[0]).toMatchObject({ code: 'outside-stack' })
  })
})

describe("the chart's own schema", () => {
  test.each([
    {
      reason: 'a value of the document, at its line and column',
      files: { 'stack.yaml': head('  values:\n    logging:\n      encoding: 5\n') },
      expected: { file: 'stack.yaml', line: 9, column: 17, message: '`logging.encoding`' },
    },
    {
      reason: 'an unknown value, at its name, with the nearest that there is',
      files: { 'stack.yaml': head('  values:\n    loging: {encoding: json}\n') },
      expected: { file: 'stack.yaml', line: 8, column: 5, message: '`loging`', hint: 'logging' },
    },
    {
      reason: 'a value of a file, in the file that wins',
      files: {
        'stack.yaml': head('  valuesFiles: [v/a.yaml, v/b.yaml]\n'),
        'v/a.yaml': 'logging: {encoding: text}\n',
        'v/b.yaml': '# b\nlogging:\n  encoding: loud\n',
      },
      expected: { file: 'v/b.yaml', line: 3, column: 13, message: '`logging.encoding`' },
    },
    {
      reason: 'a value of a template',
      files: {
        'stack.yaml': `${head('  template: base\n')}---\napiVersion: infra/v1\nkind: VirtualClusterTemplate\nmetadata: {name: base}\nspec:\n  values:\n    logging: {level: 3}\n`,
      },
      expected: { file: 'stack.yaml', line: 14, column: 15, message: '`level`' },
    },
    {
      reason: 'a chart that is not there',
      files: { 'stack.yaml': head('').replace('path: chart', 'path: nowhere') },
      expected: { file: 'stack.yaml', line: 6, column: 17, message: 'The chart cannot be read' },
    },
  ])('$reason', async ({ files, expected }) => {
    const [error, more] = await errorsOf(files)
    const { file, line, column, message, hint = '' } = expected
    expect(error).toMatchObject({
      address: 'VirtualCluster/team',
      place: { file: join(folder, file), line, column },
      message: expect.stringContaining(message),
    })
    expect(error?.hint ?? '').toContain(hint)
    expect(more).toBeUndefined()
  })

  test('what helm keeps of its downloads is used, an archive is read, and a chart that is not at hand is nothing wrong', async () => {
    const remote = head('  values: {nonsense: 1}\n').replace('{path: chart}', '{version: 9.9.9}')
    await write({ 'stack.yaml': remote })
    await (await open({ HOME: folder })).close()
    const archive = gzipSync(
      tarOf(
        Object.fromEntries(
          Object.entries(chart).map(([name, text]) => [name.replace('chart', 'vcluster'), text]),
        ),
      ),
    )
    await mkdir(join(folder, '.cache/helm/repository'), { recursive: true })
    await writeFile(join(folder, '.cache/helm/repository/vcluster-9.9.9.tgz'), archive)
    await expect(open({ HOME: folder })).rejects.toMatchObject({ errors: [{ code: 'invalid-values' }] })
    await writeFile(join(folder, 'own.tgz'), archive)
    await write({ 'stack.yaml': head('  values: {nonsense: 1}\n').replace('path: chart', 'path: own.tgz') })
    await expect(open()).rejects.toMatchObject({ errors: [{ code: 'invalid-values' }] })
    await writeFile(join(folder, 'own.tgz'), archive.subarray(0, 100))
    await expect(open()).rejects.toMatchObject({ errors: [{ code: 'chart-unavailable' }] })
  })
})

function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const content = Buffer.from(text)
    const header = Buffer.alloc(512)
    header.write(name)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    header.fill(' ', 148, 156)
    header.write(
      header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0'),
      148,
    )
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
