/** Starting, asking and ending the process that stays where the ceph client is: ./command-host-script.ts. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { CommandAnswer } from './connection.js'
import { CephError } from './error.js'
import type { Environment } from './settings.js'

export interface HostCommand {
  readonly target: 'mon' | 'mgr'
  /** As Ceph takes it: JSON. */
  readonly command: string
  readonly data: string
}

export interface CommandHost {
  readonly alive: boolean
  /** Fails with a CephError, ETIMEDOUT after so many seconds, or with the signal's reason. `what` is for people. */
  ask(what: string, command: HostCommand, limit: Limit): Promise<CommandAnswer>
  /** Ends it, whatever it is doing. */
  end(): void
}

interface Limit {
  readonly signal: AbortSignal
  readonly seconds: number
}

/** One that could not be started there. Nothing has been asked. */
export class NoHost extends Error {
  /** There is no Python or no module of Ceph's there, which stays so; a way that was cut off or too slow does not. */
  readonly lasting: boolean

  constructor(words: string, lasting: boolean) {
    super(words)
    this.lasting = lasting
  }
}

/** One that was started, and that the cluster did not let in. */
export class NotLetIn extends Error {
  /** Positive. */
  readonly errno: number

  constructor(errno: number, words: string) {
    super(words)
    this.errno = errno
  }
}

interface Reply {
  readonly id: number
  /** An errno, positive. */
  readonly code: number
  readonly output: string
  readonly said: string
}

interface Waiting {
  done(reply: Reply): void
  failed(reason: unknown): void
}

/**
 * Starts it and waits until it is connected. Fails with a NoHost, a NotLetIn, or the signal's reason.
 * @param file with `args`: the words that run it
 */
export async function startCommandHost(
  file: string,
  args: readonly string[],
  env: Environment,
  limit: Limit,
): Promise<CommandHost> {
  const child = spawn(file, args, { env, stdio: 'pipe' })
  const waiting = new Map<number, Waiting>()
  let next = 1
  let ending: string | undefined
  let said = ''
  let lacking = false

  const ended = (why: string) => {
    ending ??= why
    const lost = new CephError('the connection to Ceph was lost', 107, ending)
    for (const one of waiting.values()) one.failed(lost)
    waiting.clear()
  }
  child.on('error', error => {
    lacking = (error as NodeJS.ErrnoException).code === 'ENOENT'
    ended(error.message)
  })
  child.on('close', (code, name) => {
    // A shell's codes for what is not there, or no program; an exception of Python's own
    lacking ||= code === 126 || code === 127 || /No module named|ImportError/.test(said)
    ended(`${said.trim()} (${name ?? `exit code ${code}`})`)
  })
  // One that has ended takes no more words
  child.stdin.on('error', () => undefined)
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  createInterface({ input: child.stdout }).on('line', line => {
    const reply = replyOf(line)
    if (reply) waiting.get(reply.id)?.done(reply)
  })

  const answer = (what: string, id: number, { signal, seconds }: Limit) =>
    new Promise<Reply>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (ending !== undefined) return reject(new CephError('the connection to Ceph was lost', 107, ending))
      // Of its own: Node warns of many that listen to one
      const own = AbortSignal.any([signal])
      const settled = () => {
        waiting.delete(id)
        clearTimeout(timer)
        own.removeEventListener('abort', aborted)
      }
      const failed = (reason: unknown) => {
        settled()
        reject(reason)
      }
      const aborted = () => failed(signal.reason)
      const timer = setTimeout(
        () => failed(new CephError(what, 110, `no answer after ${seconds} s`)),
        seconds * 1000,
      )
      own.addEventListener('abort', aborted)
      waiting.set(id, {
        done: reply => {
          settled()
          resolve(reply)
        },
        failed,
      })
    })
  const end = () => {
    ended('it was ended')
    child.stdin.end()
    child.kill('SIGTERM')
  }

  // one that ended or did not answer in time could not be started: its last words are told, and an abort is raised below
  const begun = await answer('connecting', 0, limit).catch(() => undefined)
  if (begun?.code !== 0) {
    end()
    limit.signal.throwIfAborted()
    throw begun ? new NotLetIn(begun.code, begun.said) : new NoHost(said, lacking)
  }
  return {
    get alive() {
      return ending === undefined
    },
    end,
    async ask(what, command, given) {
      const id = next++
      const promise = answer(what, id, given)
      child.stdin.write(`${JSON.stringify({ id, ...command })}\n`)
      const reply = await promise
      if (reply.code !== 0) throw new CephError(what, reply.code, reply.said || reply.output)
      return { output: reply.output, status: reply.said }
    },
  }
}

/** Undefined for what others print on the way: a shell's greeting. */
function replyOf(line: string): Reply | undefined {
  try {
    const found: unknown = JSON.parse(line)
    return typeof found === 'object' && found !== null && 'id' in found ? (found as Reply) : undefined
  } catch {
    return undefined
  }
}
