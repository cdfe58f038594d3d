/**
 * The program as its users have it: a folder with a stack, and `infra` run there as a process of its own. What it did is for
 * the tests to find out without it. INFRA_PROGRAM names another build than this checkout's.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const program = process.env.INFRA_PROGRAM ?? fileURLToPath(new URL('../../bin/infra', import.meta.url))

/** No command of these tests takes longer, guests included; one that does hangs. */
const longest = 620_000

export interface Ended {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined
  readonly out: string
  /** Standard output and standard error, as they came. */
  readonly text: string
}

export interface Running {
  readonly ended: Promise<Ended>
  /** What it has printed so far. */
  text(): string
  /** Waits until it has printed this; fails when it ends without. */
  says(pattern: RegExp): Promise<void>
  /** Ctrl-C, or what systemd sends, to it alone. */
  signal(name: 'SIGINT' | 'SIGTERM'): void
  /** kill -9, of it alone. */
  kill(): Promise<Ended>
}

export interface Desk {
  readonly folder: string
  write(name: string, text: string): Promise<void>
  /** Runs `infra`, in the folder, to its end. It must end well; returns what it printed. */
  ok(...args: readonly string[]): Promise<string>
  /**
   * Applies the stack, for tests to begin with; where that fails, which leaves nothing behind, a second time, as the tests of
   * real systems are tried: set-up is not a test, and vitest would not try it again. What failed is printed.
   */
  setUp(): Promise<void>
  /** Runs `infra`, in the folder, to its end. */
  infra(...args: readonly string[]): Promise<Ended>
  /** Starts `infra`, in the folder. */
  start(...args: readonly string[]): Running
  /** Text of the state, as it is on disk. */
  state(stack: string): Promise<string>
  /** Ends what still runs, and removes the folder. */
  clear(): Promise<void>
}

export interface DeskOptions {
  /** Words before the program's own: what runs it somewhere else. */
  readonly through?: readonly string[]
}

/** A folder of its own with these files, by their names. */
export async function desk(
  files: Readonly<Record<string, string>>,
  options: DeskOptions = {},
): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'infra-acceptance-'))
  const running = new Set<Running>()
  const write = (name: string, text: string) => writeFile(join(folder, name), text)
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const start = (...args: readonly string[]): Running => {
    const words = [process.execPath, program, ...args]
    const { through } = options
    // what leads there may lose the folder on its way
    const inFolder = ['sh', '-c', 'cd "$0" && exec "$@"', folder, ...words]
    const one = launch(through ? [...through, ...inFolder] : words, folder)
    running.add(one)
    one.ended.finally(() => running.delete(one)).catch(() => undefined)
    return one
  }
  const ok = async (...args: readonly string[]) => {
    const { code, text } = await start(...args).ended
    if (code !== 0) throw new Error(`infra ${args.join(' ')} ended with ${code}:\n${text}`)
    return text
  }
  return {
    folder,
    write,
    start,
    infra: (...args) => start(...args).ended,
    ok,
    async setUp() {
      try {
        await ok('apply', '--yes')
      } catch (thrown) {
        process.stderr.write(`The set-up is tried again: ${String(thrown)}\n`)
        await ok('apply', '--yes')
      }
    },
    state: stack => readFile(join(folder, '.infra', stack, 'state.json'), 'utf8'),
    async clear() {
      await Promise.all([...running].map(one => one.kill()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function launch(words: readonly string[], folder: string): Running {
  const [command = '', ...args] = words
  const env = { PATH: process.env.PATH, HOME: folder, TZ: 'UTC', LANG: 'C.UTF-8', NO_COLOR: '1' }
  const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), longest)
  let out = ''
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    out += chunk
    text += chunk
  })
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  let over = false
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      over = true
      clearTimeout(timer)
      resolve({ code: code ?? undefined, out, text })
    })
  })
  return {
    ended,
    text: () => text,
    async says(pattern) {
      while (!pattern.test(text)) {
        if (over) throw new Error(`it ended without saying ${pattern}:\n${text}`)
        await sleep(10)
      }
    },
    signal: name => void child.kill(name),
    kill() {
      child.kill('SIGKILL')
      return ended
    },
  }
}
