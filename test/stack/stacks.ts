/** Writes stacks into folders of their own, and reads them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type InfraError, InfraErrors } from '../../src/model/error.js'
import type { Stack } from '../../src/stack/desired.js'
import { type LoadInput, type ReadStack, readStack } from '../../src/stack/load.js'
import { kinds } from './kinds.js'

export type Options = Partial<Omit<LoadInput, 'path' | 'kinds'>> & Pick<Partial<LoadInput>, 'kinds'>

/** Runs with the path of a folder that holds these files, and removes it. */
export async function withFiles<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  run: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-stack-'))
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    return await run(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export function read(text: string, options: Options = {}): Promise<ReadStack> {
  return withFiles({ 'stack.yaml': text }, folder =>
    readStack({ kinds, ...options, path: join(folder, 'stack.yaml') }),
  )
}

export async function load(text: string, options: Options = {}): Promise<Stack> {
  return (await read(text, options)).stack
}

/** The errors that reading this text ends with; none is a failure of the test. */
export async function errorsOf(reading: Promise<unknown>): Promise<readonly InfraError[]> {
  const thrown = await reading.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof InfraErrors) return thrown.errors
  if (thrown === undefined) throw new Error('expected errors, and there was none')
  throw thrown
}

/** The one error that reading this text ends with. */
export async function errorOf(reading: Promise<unknown>): Promise<InfraError> {
  const errors = await errorsOf(reading)
  const [first] = errors
  if (!first || errors.length > 1)
    throw new Error(`expected one error, got:\n${errors.map(String).join('\n')}`)
  return first
}

/** A document of a volume, with more lines for its metadata and spec. */
export function volume(name: string, spec = '', metadata = ''): string {
  return `apiVersion: infra/v1
kind: Volume
metadata:
  name: ${name}
${metadata}spec:
  size: 1GiB
${spec}---
`
}

/** A Stack document with these lines in its spec. */
export function stackOf(spec: string): string {
  return `apiVersion: infra/v1
kind: Stack
metadata:
  name: test
spec:
${spec}---
`
}
