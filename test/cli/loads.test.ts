/** What a command loads: a stack pays for the libraries of the systems that it uses, and for no others. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** What a command loaded outside of Node: its size, and the modules that the files were made of, as the build names them. */
function loaded(...command: readonly string[]): Loaded {
  writeFileSync(join(folder, 'loaded'), '')
  const args = ['--import', join(folder, 'hook.mjs'), join(root, 'bin/infra'), ...command]
  const env = { HOME: folder, PATH: process.env.PATH }
  const { status } = spawnSync(process.execPath, args, { cwd: folder, env })
  const urls = readFileSync(join(folder, 'loaded'), 'utf8').trim().split('\n')
  const texts = urls.filter(url => url.startsWith('file:')).map(url => readFileSync(new URL(url), 'utf8'))
  return { status, kB: texts.join('').length / 1000, modules: [...urls, ...texts.flatMap(partsOf)] }
}

interface Loaded {
  readonly status: number | null
  readonly kB: number
  readonly modules: readonly string[]
}

/** The modules that a chunk was made of. */
function partsOf(chunk: string): string[] {
  return [...chunk.matchAll(/^\/\/ ((?:src|node_modules)\/\S+)$/gm)].map(([, path = '']) => path)
}

const heavy = [
  'tinyglobby',
  'semver',
  '@kubernetes/client-node',
  'koffi',
  'execa',
  'age-encryption',
  '/rpc/',
  '/playwright',
]

it.each([
  { command: ['--version'], mostKb: 480, reason: 'it is asked often, and answers from a file' },
  { command: ['plan'], mostKb: 1600, reason: 'the embedded world talks to nobody' },
  { command: ['validate'], mostKb: 1600, reason: 'kinds are data, and loaded without their systems' },
])('$command loads little: $reason', ({ command, mostKb }) => {
  const { status, kB, modules } = loaded(...command)
  expect(status).toBe(0)
  expect(modules.filter(module => heavy.some(name => module.includes(name)))).toEqual([])
  expect(modules).toContain('src/cli/main.ts')
  expect(kB).toBeLessThan(mostKb)
})

it('a command on virtual clusters loads no class of Kubernetes’ kinds, which it calls by path', () => {
  const cluster = { server: 'https://127.0.0.1:9' }
  const config = {
    ...{ 'current-context': 'a', clusters: [{ name: 'a', cluster }], users: [{ name: 'a', user: {} }] },
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
  }
  const providers = { vcluster: { kubeconfig: 'nobody', patience: '1s' } }
  const stack = { apiVersion: 'infra/v1', kind: 'Stack', metadata: { name: 'a' }, spec: { providers } }
  mkdirSync(join(folder, 'clusters'))
  writeFileSync(join(folder, 'clusters/nobody'), JSON.stringify(config))
  writeFileSync(join(folder, 'clusters/stack.yaml'), JSON.stringify(stack))
  const { status, kB, modules } = loaded('cluster', 'list', '-s', 'clusters')
  expect(status).toBe(3)
  expect(modules.some(module => module.endsWith('client-node/dist/config.js'))).toBe(true)
  expect(modules.filter(module => module.includes('client-node/dist/gen/'))).toEqual([])
  expect(kB).toBeLessThan(4000)
})

it('what is piped in is not taken for the stack’s path', () => {
  const told = execFileSync(process.execPath, [join(root, 'bin/infra'), 'plan'], {
    cwd: folder,
    env: { HOME: folder, PATH: process.env.PATH },
    input: 'yes\n',
    encoding: 'utf8',
  })
  expect(told).toContain('1 to create')
})
