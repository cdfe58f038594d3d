/** Starts processes of test/state/child.ts, compiled once. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const repository = new URL('../..', import.meta.url).pathname

export interface Started {
  readonly process: ChildProcess
  readonly pid: number
  /** What it has said so far. */
  readonly lines: readonly string[]
  /** The next line that it says. */
  said(): Promise<string>
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
}

export interface Children {
  start(...args: readonly string[]): Started
  /** A new folder for state. */
  folder(): string
  /** Ends all that are left and removes all folders. */
  clean(): Promise<void>
}

/** Compiles the child with what it needs, without checking: that is done elsewhere. */
export function compileChildren(): Children {
  const root = mkdtempSync(join(tmpdir(), 'infra-crash-'))
  const flags = [
    '--noCheck',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--rootDir',
    repository,
  ]
  const tsc = join(repository, 'node_modules/.bin/tsc')
  const child = join(repository, 'test/state/child.ts')
  const built = spawnSync(tsc, [...flags, '--ignoreConfig', '--outDir', join(root, 'built'), child], {
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(`${built.stdout}${built.stderr}${built.error ?? ''}`)
  writeFileSync(join(root, 'built', 'package.json'), '{"type":"module"}')
  symlinkSync(join(repository, 'node_modules'), join(root, 'built', 'node_modules'))
  const script = join(root, 'built/test/state/child.js')
  const started: Started[] = []
  let folders = 0

  return {
    start(...args) {
      const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
      const lines: string[] = []
      const waiting: ((line: string) => void)[] = []
      let read = 0
      const reader = createInterface({ input: child.stdout })
      reader.on('line', line => {
        lines.push(line)
        const next = waiting.shift()
        if (next) {
          read += 1
          next(line)
        }
      })
      const one: Started = {
        process: child,
        pid: child.pid ?? 0,
        lines,
        said() {
          const line = lines[read]
          if (line === undefined) return new Promise(resolve => waiting.push(resolve))
          read += 1
          return Promise.resolve(line)
        },
        ended: once(child, 'close').then(() => undefined),
      }
      started.push(one)
      return one
    },
    folder() {
      folders += 1
      return join(root, `state-${folders}`)
    },
    async clean() {
      for (const one of started) one.process.kill('SIGKILL')
      await Promise.all(started.map(one => one.ended))
      rmSync(root, { recursive: true, force: true })
    },
  }
}
