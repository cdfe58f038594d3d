/** What a machine's serial console said, from the file that libvirt keeps of it, and what it says. */
import { InfraError } from '../../../model/error.js'
import { followBySsh, readLogFrom } from './host-log.js'
import type { Machine } from './machines.js'

export interface LogOptions {
  /** Only so many lines of the past; all that is read (4 MiB) by default. */
  readonly lines?: number
  readonly follow?: boolean
  /** As it is, with what moves a terminal's cursor; else the bare text. */
  readonly raw?: boolean
}

const lookEvery = 500

/** Writes the log; when it follows, until it is aborted, which is no error. */
export async function machineLog(
  machine: Machine,
  options: LogOptions,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = machine.live?.serialLogPath ?? machine.stored.serialLogPath
  if (path === undefined) throw noLog(machine)
  const clean = options.raw ? (text: string) => text : textCleaner()
  const decoder = new TextDecoder()
  const say = (bytes: Uint8Array) => {
    const text = clean(decoder.decode(bytes, { stream: true }))
    if (text !== '') write(text)
  }
  try {
    const past = await readLogFrom(machine.host, path, 0, signal)
    if (past === undefined && !options.follow) throw noLog(machine)
    say(lastLines(past?.bytes ?? Buffer.alloc(0), options.lines))
    if (options.follow) await follow(machine, path, past?.end ?? 0, say, signal)
  } catch (error) {
    if (!(options.follow && signal.aborted)) throw error
  }
}

async function follow(
  { host }: Machine,
  path: string,
  from: number,
  say: (bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  if (host.client.uri.transport === 'ssh') {
    for await (const bytes of followBySsh(host, path, from, signal)) say(bytes)
    return
  }
  for (let offset = from; ; ) {
    await host.ports.clock.sleep(lookEvery, signal)
    const part = await readLogFrom(host, path, offset, signal)
    if (part === undefined) continue
    say(part.bytes)
    offset = part.end
  }
}

function lastLines(bytes: Buffer, lines: number | undefined): Buffer {
  if (lines === undefined) return bytes
  if (lines === 0) return bytes.subarray(bytes.length)
  // a last line without an end counts as one
  let at = bytes.length > 0 && bytes.at(-1) === 10 ? bytes.length - 1 : bytes.length
  for (let left = lines; left > 0; left -= 1) {
    at = at <= 0 ? -1 : bytes.lastIndexOf(10, at - 1)
    if (at === -1) return bytes
  }
  return bytes.subarray(at + 1)
}

/**
 * Takes out escape sequences, carriage returns and control characters of text that comes in pieces: what a guest says must
 * not move the cursor of whoever reads its log.
 */
export function textCleaner(): (text: string) => string {
  let rest = ''
  return text => {
    const all = rest + text
    // a sequence may be cut in two by the end of a piece
    const open = begun.exec(all)
    rest = open === null ? '' : open[0]
    const whole = rest === '' ? all : all.slice(0, -rest.length)
    return whole.replace(escapes, '').replace(controls, '')
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const begun = /\u001b(?:\[[0-9;?]*|\][^\u0007\u001b]{0,200})?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[()][A-Za-z0-9]|.)/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

function noLog({ view }: Machine): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'no-log',
    message: `There is no log of the serial console of ${view.name}`,
    why: 'Its definition has no log file, or it never ran',
    hint: 'Declare `serialLog: true` and restart it; `infra vm console` shows what it says from now on.',
  })
}
