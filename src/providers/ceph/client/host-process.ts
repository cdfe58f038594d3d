/** Starting, asking and ending the process that holds librados. */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Json } from '../../../model/value.js'
import type { AuditListener } from './connection.js'
import { CephError } from './error.js'
import type { Failure, Reply } from './native/protocol.js'
import type { Environment } from './settings.js'

/** Threads for calls that block; at most this many run at once. */
export const threads = 64

/** What the process answered with a failure; told from other errors so that the caller can say what it was about. */
export class HostFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.words)
    this.failure = failure
  }
}

export interface Host {
  readonly alive: boolean
  /** Rejects with a HostFailure, with the signal's reason, or, when the process ends, with a CephError. */
  ask(call: string, args: Json, signal: AbortSignal): Promise<Json>
  /** Hears lines of the audit log, once the call `audit` asked for them, and that the process has ended. */
  listen(listener: AuditListener): () => void
  /** Ends it, whatever it is doing. */
  kill(): void
}

interface Waiting {
  done(value: Json): void
  failed(reason: unknown): void
}

export function startHost(environment: Environment): Host {
  // The same ending as this file's: .js when built, .ts when run from source
  const path = fileURLToPath(new URL(`./native/host${extname(import.meta.url)}`, import.meta.url))
  const child: ChildProcess = fork(path, [], {
    env: { ...environment, UV_THREADPOOL_SIZE: String(threads) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<AuditListener>()
  let next = 1
  let alive = true
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  const ended = (how: string) => {
    alive = false
    const lost = new CephError('the connection to Ceph was lost', 107, `librados ended (${how}) ${said}`)
    for (const { failed } of waiting.values()) failed(lost)
    waiting.clear()
    for (const listener of listeners) listener.lost(lost)
    listeners.clear()
  }
  child.on('error', error => ended(error.message))
  child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
  child.on('message', (reply: Reply) => {
    if ('audit' in reply) {
      for (const listener of listeners) listener.heard(reply.audit, reply.level)
      return
    }
    const one = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('failure' in reply) one?.failed(new HostFailure(reply.failure))
    else one?.done(reply.value)
  })
  return {
    get alive() {
      return alive
    },
    ask(call, args, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const id = next++
        const abort = () => {
          waiting.delete(id)
          reject(signal.reason)
        }
        const settle =
          <T>(how: (value: T) => void) =>
          (value: T) => {
            signal.removeEventListener('abort', abort)
            how(value)
          }
        waiting.set(id, { done: settle(resolve), failed: settle(reject) })
        signal.addEventListener('abort', abort, { once: true })
        child.send({ id, call, args }, error => {
          if (error)
            waiting.get(id)?.failed(new CephError('the connection to Ceph was lost', 107, error.message))
        })
      })
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    kill() {
      alive = false
      child.kill('SIGKILL')
    },
  }
}
