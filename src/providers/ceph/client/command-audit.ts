/** The audit log through `ceph --watch-channel audit`, which runs until it is ended. */
import { execa } from 'execa'
import { messageOf } from '../../../model/error.js'
import type { AuditListener } from './connection.js'
import { CephError } from './error.js'
import type { Environment } from './settings.js'

/** `2026-01-31T12:00:00.000000+0000 mon.a [INF] from=…` */
const entry = /^\S+ \S+ \[([A-Z]+)\] (.*)$/

/** Resolves once the client has told the state of the cluster, which it does first. */
export async function hearAudit(
  file: string,
  args: readonly string[],
  env: Environment,
  listener: AuditListener,
  { signal, seconds }: { readonly signal: AbortSignal; readonly seconds: number },
): Promise<{ end(): void }> {
  const child = execa(file, args, {
    env,
    extendEnv: false,
    cancelSignal: AbortSignal.any([signal]),
    stdin: 'ignore',
    reject: false,
    buffer: { stdout: false, stderr: true },
    maxBuffer: 64 << 10,
  })
  let over = false
  let begun = () => {}
  const ready = new Promise<void>(resolve => {
    begun = resolve
  })
  const told = (async () => {
    for await (const line of child.iterable()) {
      begun()
      const [, level, text] = entry.exec(String(line)) ?? []
      if (text !== undefined && !over) listener.heard(text, level === 'DBG' ? 'debug' : 'info')
    }
  })()
  const ended = Promise.allSettled([child, told]).then(async () => {
    const { stderr, shortMessage } = await child
    return new CephError('watching the log', 107, messageOf(stderr || shortMessage || 'the client ended'))
  })
  const end = () => {
    over = true
    child.kill('SIGTERM')
  }
  // A client that no monitor answers tries on for minutes
  const late = new CephError('watching the log', 110, `no answer after ${seconds} s`)
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<CephError>(resolve => {
    timer = setTimeout(() => resolve(late), seconds * 1000)
  })
  const failure = await Promise.race([ready, ended, limit])
  clearTimeout(timer)
  if (failure !== undefined) {
    end()
    signal.throwIfAborted()
    throw failure
  }
  void ended.then(error => {
    if (!over) listener.lost(error)
  })
  return { end }
}
