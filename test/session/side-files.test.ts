import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InfraErrors } from '../../src/model/error.js'
import { nodePorts } from '../../src/model/node-ports.js'
import { openSession } from '../../src/session/session.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infra-beside-'))
  const pool = 'apiVersion: infra/v1\nkind: StoragePool\nmetadata: {name: a}\nspec: {path: /a}\n'
  await writeFile(join(folder, 'stack.yaml'), pool)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What is told of the files beside the stack, called so. */
async function problems(path: string) {
  const session = await openSession({
    path,
    ports: nodePorts,
    signal: new AbortController().signal,
    stateFolder: join(folder, '.state'),
  })
  try {
    const { plan } = await session.plan()
    const told = async (work: () => Promise<unknown>) =>
      work().then(
        () => [],
        error => (error instanceof InfraErrors ? error.errors : [error]),
      )
    return [...(await told(() => session.policy(plan))), ...(await told(() => session.drift()))]
  } finally {
    await session.close()
  }
}

describe('files beside a stack', () => {
  test.each([
    { reason: 'a folder', called: (path: string) => path },
    { reason: 'a file', called: (path: string) => join(path, 'stack.yaml') },
  ])('are told as the stack was called: $reason', async ({ called }) => {
    const from = relative(process.cwd(), folder)
    await writeFile(join(folder, 'infra-policy.yaml'), 'apiVersion: infra/v1\nkind: Policy\nrulez: []\n')
    await writeFile(
      join(folder, 'infra-drift-ignore.yaml'),
      'apiVersion: infra/v1\nkind: DriftIgnore\nrulez: []\n',
    )
    const files = (await problems(called(from))).map(one => one.place?.file)
    expect(new Set(files)).toEqual(
      new Set([join(from, 'infra-policy.yaml'), join(from, 'infra-drift-ignore.yaml')]),
    )
  })

  test('that are no files are told, and those that are not there are none', async () => {
    expect(await problems(folder)).toEqual([])
    await mkdir(join(folder, 'infra-policy.yaml'))
    expect(await problems(folder)).toMatchObject([
      {
        code: 'cannot-read',
        message: `Cannot read ${join(folder, 'infra-policy.yaml')}.`,
        why: 'It is not a regular file.',
      },
    ])
  })
})
