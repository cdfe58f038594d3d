/**
 * The process that holds librados and librbd, started by ../library.ts. Their calls block a thread each, and one that hangs
 * cannot be taken back: here they have threads of their own and can be ended without losing the engine, and a fault in the
 * library does not end an apply.
 */
import koffi from 'koffi'
import type { Json } from '../../../../model/value.js'
import { NativeFailure, type OpenRequest, type Reply, type Request } from './protocol.js'

// librbd needs more stack than koffi gives by default; to be said before any library is loaded
koffi.config({ async_stack_size: 1 << 20, max_async_calls: 512 })
const { openRados } = await import('./librados.js')
const { loadLibrbd } = await import('./librbd.js')
const { makeImages } = await import('./images.js')
const { makeFiles } = await import('./libcephfs.js')

let said: Reply[] = []

/** What is said in one turn of the event loop goes as one message. */
function say(reply: Reply): void {
  if (said.push(reply) > 1) return
  setImmediate(() => {
    process.send?.(said)
    said = []
  })
}

type Call = (args: never) => Promise<unknown>
let calls: Readonly<Record<string, Call>> = {
  async open(request: OpenRequest) {
    const librbd = loadLibrbd()
    const rados = await openRados(request)
    calls = {
      ...makeImages(rados, librbd),
      ...makeFiles(rados),
      mon: (args: { command: string; input: string }) => rados.command('mon', args.command, args.input),
      mgr: (args: { command: string; input: string }) => rados.command('mgr', args.command, args.input),
      audit: () =>
        rados.monitorLog((channel, level, text) => {
          if (channel === 'audit') say({ audit: text, level: level === 'debug' ? 'debug' : 'info' })
        }),
      close: () => rados.shutdown(),
    }
    return null
  },
}

async function answer(request: Request): Promise<Reply> {
  try {
    const call = calls[request.call]
    if (!call) throw new NativeFailure({ errno: 95, words: `no call ${request.call}` })
    return { id: request.id, value: ((await call(request.args as never)) ?? null) as Json }
  } catch (thrown) {
    const failure =
      thrown instanceof NativeFailure
        ? thrown.failure
        : { errno: 5, words: thrown instanceof Error ? thrown.message : String(thrown) }
    return { id: request.id, failure }
  }
}

process.on('message', (requests: readonly Request[]) => {
  for (const request of requests) void answer(request).then(say)
})
// Signals of the terminal reach this process, too, but only its parent decides when it ends
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
// At once: a thread that hangs in the library would hold an orderly exit back
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
