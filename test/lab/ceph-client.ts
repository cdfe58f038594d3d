/** Ceph's own client, kept running by ceph/client.py: a test asks it hundreds of times, and each start takes half a second here. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./ceph/client.py', import.meta.url))

export interface CephClient {
  /** What `ceph` prints to its standard output. Fails with what it says: `Error ENOENT: …`. One command after another. */
  ask(words: readonly string[]): Promise<string>
  end(): void
}

interface Answer {
  readonly error: string
  readonly out: string
  readonly told: string
}

interface Waiting {
  readonly words: readonly string[]
  readonly done: (output: string) => void
  readonly failed: (error: Error) => void
}

/** Starts it when it is asked for the first time. */
export function cephClient(conf: string, env: NodeJS.ProcessEnv): CephClient {
  let child: ChildProcessWithoutNullStreams | undefined
  const waiting: Waiting[] = []

  const started = (): ChildProcessWithoutNullStreams => {
    // Debian's Python, which has Ceph's modules
    const process = spawn('/usr/bin/python3', [script, conf], { env })
    let said = ''
    process.stderr.setEncoding('utf8').on('data', text => {
      said = (said + text).slice(-2000)
    })
    createInterface({ input: process.stdout }).on('line', line => {
      const { error, out, told }: Answer = JSON.parse(line)
      const { words, done, failed } = waiting.shift() ?? {}
      if (error === '') done?.(out)
      else failed?.(new Error(`ceph ${words?.join(' ')}\nError ${error}: ${told}`))
    })
    // A process that has ended takes no more words
    process.stdin.on('error', () => undefined)
    process.on('exit', () => {
      child = undefined
      for (const one of waiting.splice(0))
        one.failed(new Error(`ceph ${one.words.join(' ')} ended:\n${said}`))
    })
    return process
  }
  return {
    ask: words =>
      new Promise((done, failed) => {
        child ??= started()
        waiting.push({ words, done, failed })
        child.stdin.write(`${JSON.stringify(words)}\n`)
      }),
    end: () => void child?.kill('SIGKILL'),
  }
}
