/** What a command loads: a stack pays for the libraries of the systems that it uses, and for no others. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'infra-loads-'))
  const hook = `import { appendFileSync } from 'node:fs'
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(join(folder, 'loaded'))}, url + '\\n')
  return next(url, context)
}`
  const started = `import { register } from 'node:module'
register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hook))})`
  writeFileSync(join(folder, 'hook.mjs'), started)
  writeFileSync(
    join(folder, 'stack.yaml'),
    'apiVersion: infra/v1\nkind: Volume\nmetadata:\n  name: data\nspec:\n  size: 1GiB\n',
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Modules outside of Node that a command loaded, as the packages or folders that they are from. */
function loaded(...command: readonly string[]): string[] {
  writeFileSync(join(folder, 'loaded'), '')
  const args = ['--import', join(folder, 'hook.mjs'), join(root, 'bin/infra'), ...command]
  execFileSync(process.execPath, args, { cwd: folder, env: { HOME: folder, PATH: process.env.PATH } })
  return readFileSync(join(folder, 'loaded'), 'utf8').trim().split('\n')
}

const heavy = ['@kubernetes/client-node', 'koffi', 'execa', 'age-encryption', '/rpc/', '/playwright']

it.each([
  { command: ['--version'], most: 60, reason: 'it is asked often, and answers from a file' },
  { command: ['plan'], most: 350, reason: 'the embedded world talks to nobody' },
  { command: ['validate'], most: 350, reason: 'kinds are data, and loaded without their systems' },
])('$command loads little: $reason', ({ command, most }) => {
  const modules = loaded(...command)
  expect(modules.filter(module => heavy.some(name => module.includes(name)))).toEqual([])
  expect(modules.length).toBeGreaterThan(1)
  expect(modules.length).toBeLessThan(most)
})
