/** Starting, asking and ending the process that holds librados. */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Json } from '../../../model/value.js'
import type { AuditListener } from './connection.js'
import { CephError } from './error.js'
import type { Failure, Reply, Request } from './native/protocol.js'
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
  /**
   * Rejects with a HostFailure (ETIMEDOUT after so many seconds), with the signal's reason, or, when the process ends, with a
   * CephError.
   */
  ask(call: string, args: Json, limit: Limit): Promise<Json>
  /** Hears lines of the audit log, once the call `audit` asked for them, and that the process has ended. */
  listen(listener: AuditListener): () => void
  /** Ends it, whatever it is doing. */
  kill(): void
}

interface Limit {
  readonly signal: AbortSignal
  readonly seconds: number
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
  const aborts = abortsOf()
  let next = 1
  /** What has been asked in this turn of the event loop: it goes as one message. */
  let asked: Request[] = []
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
  const heard = (reply: Reply) => {
    if ('audit' in reply) {
      for (const listener of listeners) listener.heard(reply.audit, reply.level)
      return
    }
    const one = waiting.get(reply.id)
    if ('failure' in reply) one?.failed(new HostFailure(reply.failure))
    else one?.done(reply.value)
  }
  child.on('message', (replies: readonly Reply[]) => replies.forEach(heard))
  const send = () => {
    const requests = asked
    asked = []
    child.send(requests, error => {
      if (!error) return
      const lost = new CephError('the connection to Ceph was lost', 107, error.message)
      for (const { id } of requests) waiting.get(id)?.failed(lost)
    })
  }
  return {
    get alive() {
      return alive
    },
    ask(call, args, { signal, seconds }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const id = next++
        const settle =
          <T>(how: (value: T) => void) =>
          (value: T) => {
            waiting.delete(id)
            clearTimeout(timer)
            forget()
            how(value)
          }
        const one = { done: settle(resolve), failed: settle<unknown>(reject) }
        const late = () => one.failed(new HostFailure({ errno: 110, words: `no answer after ${seconds} s` }))
        const timer = setTimeout(late, seconds * 1000)
        const forget = aborts(signal, one.failed)
        waiting.set(id, one)
        if (asked.push({ id, call, args }) === 1) setImmediate(send)
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

type Aborted = (reason: unknown) => void

/** Hears of aborted signals, with one listener on each: hundreds of calls are under way with the same. Returns what ends it. */
function abortsOf(): (signal: AbortSignal, aborted: Aborted) => () => void {
  const heard = new Map<AbortSignal, { readonly all: Set<Aborted>; readonly tell: () => void }>()
  const listenTo = (signal: AbortSignal) => {
    const all = new Set<Aborted>()
    const tell = () => {
      for (const aborted of all) aborted(signal.reason)
    }
    signal.addEventListener('abort', tell)
    const one = { all, tell }
    heard.set(signal, one)
    return one
  }
  return (signal, aborted) => {
    const { all, tell } = heard.get(signal) ?? listenTo(signal)
    all.add(aborted)
    return () => {
      all.delete(aborted)
      if (all.size > 0) return
      heard.delete(signal)
      signal.removeEventListener('abort', tell)
    }
  }
}
