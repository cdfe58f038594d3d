/**
 * Commands in a guest, with their output as it comes. The agent itself tells what a command said only after its end, so that
 * the output goes to files of a folder of its own in the guest, which are read meanwhile and removed.
 */
import { randomUUID } from 'node:crypto'
import { InfraError } from '../../../model/error.js'
import { isObject, type Json } from '../../../model/value.js'
import {
  askAgent,
  closeGuestFile,
  type Guest,
  numberOf,
  openGuestFile,
  readGuestFile,
  writeGuestFile,
} from './agent.js'

export interface ExecRequest {
  readonly command: readonly [string, ...string[]]
  /** What the command reads; nothing by default. */
  readonly stdin?: AsyncIterable<Uint8Array>
  readonly folder?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Seconds after which it is ended. */
  readonly timeoutSeconds?: number
}

export interface ExecStreams {
  stdout(bytes: Uint8Array): void
  stderr(bytes: Uint8Array): void
}

const firstLook = 20
const slowestLook = 250
const cleanUpTime = 15_000

/** Opens the streams, goes to the folder and becomes the command, so that its process is the one that the agent knows. */
const wrapper = `d=$1 c=$2; shift 2
[ -d "$d" ] || mkdir -m 700 "$d" || exit 126
exec >"$d/out" 2>"$d/err"
if [ -e "$d/in" ]; then exec <"$d/in"; else exec </dev/null; fi
[ -z "$c" ] || cd "$c" || exit 126
exec "$@"`

/** Runs a command of the guest. Resolves to its exit status; 128 and the signal's number where one ended it. */
export async function execInGuest(
  guest: Guest,
  request: ExecRequest,
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<number> {
  const ending =
    request.timeoutSeconds === undefined ? undefined : AbortSignal.timeout(request.timeoutSeconds * 1_000)
  const until = ending === undefined ? signal : AbortSignal.any([signal, ending])
  const folder = `/tmp/infra-exec-${randomUUID()}`
  try {
    if (request.stdin !== undefined) await putInput(guest, folder, request.stdin, until)
    return await run(guest, folder, request, streams, until)
  } catch (error) {
    if (ending?.aborted && !signal.aborted) throw late(guest, request)
    throw error
  } finally {
    // the command's own signal may be what ended it
    await quietly(() => runQuietly(guest, ['rm', '-rf', folder], AbortSignal.timeout(cleanUpTime)))
  }
}

/** What a command said, all of it, for those that say little. */
export async function outputInGuest(
  guest: Guest,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly output: string; readonly errors: string }> {
  const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []]
  const streams = {
    stdout: (bytes: Uint8Array) => void out.push(bytes),
    stderr: (bytes: Uint8Array) => void err.push(bytes),
  }
  const status = await execInGuest(guest, request, streams, signal)
  return { status, output: Buffer.concat(out).toString('utf8'), errors: Buffer.concat(err).toString('utf8') }
}

interface OutputFile {
  readonly path: string
  to(bytes: Uint8Array): void
  handle: number | undefined
}

async function run(
  guest: Guest,
  folder: string,
  request: ExecRequest,
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<number> {
  const environment = Object.entries(request.environment ?? {}).map(([name, value]) => `${name}=${value}`)
  const command = environment.length === 0 ? request.command : ['env', ...environment, ...request.command]
  const arg = ['-c', wrapper, 'infra-exec', folder, request.folder ?? '', ...command]
  const pid = await startProcess(guest, request, { path: '/bin/sh', arg }, signal)
  if (pid === undefined) return runCaptured(guest, request, streams, signal)
  const out: OutputFile = { path: `${folder}/out`, to: bytes => streams.stdout(bytes), handle: undefined }
  const err: OutputFile = { path: `${folder}/err`, to: bytes => streams.stderr(bytes), handle: undefined }
  const drain = async (file: OutputFile): Promise<boolean> => {
    file.handle ??= await openIfThere(guest, file.path, signal)
    if (file.handle === undefined) return false
    const bytes = await readGuestFile(guest, file.handle, signal)
    if (bytes.length > 0) file.to(bytes)
    return bytes.length > 0
  }
  try {
    let status: number | undefined
    for (let pause = firstLook; ; pause = Math.min(slowestLook, pause * 2)) {
      // asked before the files are read: what was written up to its end is in them then; once it told the end, it forgets
      status ??= statusOf(await askAgent(guest, 'guest-exec-status', { pid }, signal))
      const moved = (await drain(out)) || (await drain(err))
      if (status !== undefined && !moved) return status
      if (moved) pause = firstLook
      if (status === undefined) await guest.host.ports.clock.sleep(pause, signal)
    }
  } catch (error) {
    if (signal.aborted)
      await quietly(() => runQuietly(guest, ['kill', '-TERM', String(pid)], AbortSignal.timeout(cleanUpTime)))
    throw error
  } finally {
    const closing = AbortSignal.timeout(cleanUpTime)
    for (const { handle } of [out, err])
      if (handle !== undefined) await quietly(() => closeGuestFile(guest, handle, closing))
  }
}

/** Undefined where the guest has no shell: it is no Unix. */
async function startProcess(
  guest: Guest,
  request: ExecRequest,
  args: { readonly path: string; readonly arg: readonly string[] },
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return numberOf(await askAgent(guest, 'guest-exec', args, signal), 'pid')
  } catch (error) {
    const noShell =
      error instanceof InfraError &&
      error.code === 'guest-refused' &&
      /execute child process/.test(error.why ?? '')
    if (noShell && request.stdin === undefined && request.folder === undefined) return undefined
    throw error
  }
}

/** As the agent has it without a shell: what it said is told at its end, 16 MiB of it at most. */
async function runCaptured(
  guest: Guest,
  request: ExecRequest,
  streams: ExecStreams,
  signal: AbortSignal,
): Promise<number> {
  const [path, ...arg] = request.command
  const env = Object.entries(request.environment ?? {}).map(([name, value]) => `${name}=${value}`)
  const args = { path, arg, 'capture-output': true, ...(env.length > 0 && { env }) }
  const pid = numberOf(await askAgent(guest, 'guest-exec', args, signal), 'pid')
  for (let pause = firstLook; ; pause = Math.min(slowestLook, pause * 2)) {
    const state = await askAgent(guest, 'guest-exec-status', { pid }, signal)
    const status = statusOf(state)
    if (status !== undefined) {
      if (isObject(state)) {
        streams.stdout(decoded(state['out-data']))
        streams.stderr(decoded(state['err-data']))
      }
      return status
    }
    await guest.host.ports.clock.sleep(pause, signal)
  }
}

/** Runs something whose output nobody needs; for cleaning up, where a folder for output would have to be cleaned up, too. */
export async function runQuietly(
  guest: Guest,
  command: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<number> {
  const [path, ...arg] = command
  const pid = numberOf(await askAgent(guest, 'guest-exec', { path, arg }, signal), 'pid')
  for (let pause = firstLook; ; pause = Math.min(slowestLook, pause * 2)) {
    const status = statusOf(await askAgent(guest, 'guest-exec-status', { pid }, signal))
    if (status !== undefined) return status
    await guest.host.ports.clock.sleep(pause, signal)
  }
}

async function putInput(
  guest: Guest,
  folder: string,
  stdin: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  await runQuietly(guest, ['mkdir', '-m', '700', folder], signal)
  const handle = await openGuestFile(guest, `${folder}/in`, 'w', signal)
  try {
    for await (const bytes of stdin) await writeGuestFile(guest, handle, bytes, signal)
  } finally {
    await closeGuestFile(guest, handle, AbortSignal.timeout(cleanUpTime))
  }
}

async function openIfThere(guest: Guest, path: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return await openGuestFile(guest, path, 'r', signal)
  } catch (error) {
    if (error instanceof InfraError && error.code === 'guest-refused') return undefined
    throw error
  }
}

function statusOf(state: Json): number | undefined {
  if (!isObject(state) || state.exited !== true) return undefined
  return typeof state.signal === 'number' ? 128 + state.signal : Number(state.exitcode ?? 0)
}

function decoded(data: Json | undefined): Buffer {
  return Buffer.from(typeof data === 'string' ? data : '', 'base64')
}

/** For what is tidied up in a guest: one that stopped answering takes it with it, and what led here is what is told. */
async function quietly(work: () => Promise<unknown>): Promise<void> {
  await work().catch(() => undefined)
}

function late(guest: Guest, request: ExecRequest): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'exec-timeout',
    message: `${request.command[0]} has not ended in ${guest.domain.name} within ${request.timeoutSeconds} s`,
    hint: 'It was ended. Give it more time with --timeout.',
  })
}
