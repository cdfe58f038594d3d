/** A machine's serial console at a terminal: what is typed goes there, what it says comes here, until Ctrl-]. */
import type { Readable, Writable } from 'node:stream'
import { InfraError } from '../../../model/error.js'
import { openConsole } from '../rpc/transfer.js'
import type { Machine } from './machines.js'

/** Ctrl-], as telnet and virsh have it. */
const leave = 0x1d

export interface Terminal {
  readonly input: Readable & { setRawMode?(raw: boolean): unknown }
  readonly output: Writable
}

export interface ConsoleOptions {
  /** Takes it from whoever has it open. */
  readonly force?: boolean
}

/** Returns how it ended: by Ctrl-], by the end of the input, or by the machine. The terminal is as it was, however it ends. */
export async function attachConsole(
  machine: Machine,
  options: ConsoleOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<'left' | 'closed'> {
  const { host, domain, view } = machine
  if (view.state !== 'running' && view.state !== 'paused') {
    throw new InfraError({
      kind: 'operation',
      code: 'not-running',
      message: `${view.name} is ${view.state} and has no console`,
      hint: `infra vm start ${view.name}; infra vm logs ${view.name} tells what it said before`,
    })
  }
  const { channel, close } = await openConsole(host.client, domain, { signal, force: options.force === true })
  const { input, output } = terminal
  const left = new Promise<'left'>((resolve, reject) => {
    // in order, one after the other
    let last: Promise<void> = Promise.resolve()
    input.on('data', (chunk: Buffer) => {
      const end = chunk.indexOf(leave)
      const typed = end === -1 ? chunk : chunk.subarray(0, end)
      if (typed.length > 0) last = last.then(() => channel.write(typed))
      last.catch(reject)
      if (end !== -1) last.then(() => resolve('left'), reject)
    })
    input.once('end', () => last.then(() => resolve('left'), reject))
    signal.addEventListener('abort', () => resolve('left'), { once: true })
  })
  const heard = (async (): Promise<'closed'> => {
    for await (const chunk of channel.read()) {
      if (chunk instanceof Uint8Array && !output.write(chunk)) {
        await new Promise<void>(resolve => output.once('drain', () => resolve()))
      }
    }
    return 'closed'
  })()
  input.setRawMode?.(true)
  input.resume()
  try {
    return await Promise.race([left, heard])
  } catch (error) {
    if (signal.aborted) return 'left'
    throw error
  } finally {
    input.setRawMode?.(false)
    input.removeAllListeners('data')
    input.pause()
    // who is still waited for has no more to say: the console is over
    left.catch(() => undefined)
    heard.catch(() => undefined)
    close()
  }
}
