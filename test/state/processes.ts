/** Starts processes of test/state/child.ts, made one file of first. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

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

/** Bundles the child with what it needs: a hundred of them start, and read one file each. */
export async function compileChildren(): Promise<Children> {
  const root = mkdtempSync(join(tmpdir(), 'infra-crash-'))
  const script = join(root, 'child.mjs')
  const bundle = await rolldown({
    input: fileURLToPath(new URL('./child.ts', import.meta.url)),
    platform: 'node',
  })
  await bundle.write({ file: script, format: 'esm', codeSplitting: false })
  await bundle.close()
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
