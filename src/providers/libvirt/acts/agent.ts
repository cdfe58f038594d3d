/** The guest agent as acts need it: its plain answers, and files of the guest as streams of bytes. */
import { InfraError } from '../../../model/error.js'
import { isObject, type Json } from '../../../model/value.js'
import { ask } from '../connection.js'
import { isLibvirt } from '../rpc/errors.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Machine } from './machines.js'

export type Guest = Pick<Machine, 'host' | 'domain'>

/** Seconds that libvirt waits for an answer. */
const patience = 20
/** Bytes of one read: with base64 well below libvirt’s limit of 4 MiB for a text. */
const readBytes = 1 << 20
const writeBytes = 1 << 16

/** What the agent returns. Fails with `no-agent` where none answers, and with `guest-refused` where it refuses. */
export async function askAgent(
  { host, domain }: Guest,
  execute: string,
  args: { readonly [key: string]: Json },
  signal: AbortSignal,
): Promise<Json> {
  const command = JSON.stringify({ execute, arguments: args })
  let answer: string | undefined
  try {
    answer = await ask(
      host,
      procedures.domains.agent,
      { domain, command, timeout: patience, flags: 0 },
      signal,
    )
  } catch (error) {
    throw explained(error, domain.name, execute)
  }
  const parsed = JSON.parse(answer ?? '{}') as Json
  return isObject(parsed) ? (parsed.return ?? null) : null
}

function explained(error: unknown, name: string, execute: string): unknown {
  if (
    isLibvirt(
      error,
      'AGENT_UNRESPONSIVE',
      'AGENT_COMMAND_TIMEOUT',
      'OPERATION_INVALID',
      'ARGUMENT_UNSUPPORTED',
      'CONFIG_UNSUPPORTED',
    )
  ) {
    return new InfraError({
      kind: 'operation',
      code: 'no-agent',
      message: `The guest agent of ${name} does not answer`,
      ...(error.why !== undefined && { why: error.why }),
      hint: 'The machine must run with qemu-guest-agent installed and started in it.',
    })
  }
  if (isLibvirt(error, 'INTERNAL_ERROR', 'AGENT_COMMAND_FAILED', 'OPERATION_UNSUPPORTED')) {
    const why = (error.why ?? '').replace(/^.*unable to execute QEMU agent command '[^']*': /, '')
    const blocked = /disabled|not found|not been found/.test(why)
    return new InfraError({
      kind: 'operation',
      code: 'guest-refused',
      message: `The guest agent of ${name} refused ${execute}`,
      why,
      ...(blocked && {
        hint: 'The agent of that guest does not allow it: see BLACKLIST_RPC or --block-rpcs of qemu-ga.',
      }),
    })
  }
  return error
}

/** A number that the agent answers with: a handle, a process. */
export function numberOf(answer: Json, field?: string): number {
  const value = field === undefined ? answer : isObject(answer) ? answer[field] : undefined
  if (typeof value === 'number') return value
  throw new InfraError({
    kind: 'operation',
    code: 'guest-answer',
    message: 'The guest agent answered what makes no sense',
    why: JSON.stringify(answer).slice(0, 200),
  })
}

/** Opens a file of the guest; `mode` as fopen has it. */
export async function openGuestFile(
  guest: Guest,
  path: string,
  mode: 'r' | 'w' | 'a',
  signal: AbortSignal,
): Promise<number> {
  return numberOf(await askAgent(guest, 'guest-file-open', { path, mode }, signal))
}

export async function closeGuestFile(guest: Guest, handle: number, signal: AbortSignal): Promise<void> {
  await askAgent(guest, 'guest-file-close', { handle }, signal)
}

/** What is there to read now; empty at the end of the file, which may grow. */
export async function readGuestFile(guest: Guest, handle: number, signal: AbortSignal): Promise<Buffer> {
  const answer = await askAgent(guest, 'guest-file-read', { handle, count: readBytes }, signal)
  const data = isObject(answer) ? answer['buf-b64'] : undefined
  return Buffer.from(typeof data === 'string' ? data : '', 'base64')
}

/** Writes all of it. */
export async function writeGuestFile(
  guest: Guest,
  handle: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const part = Buffer.from(bytes.subarray(at, at + writeBytes))
    const answer = await askAgent(
      guest,
      'guest-file-write',
      { handle, 'buf-b64': part.toString('base64') },
      signal,
    )
    const count = numberOf(answer, 'count')
    if (count <= 0) {
      throw new InfraError({
        kind: 'operation',
        code: 'guest-full',
        message: `The guest ${guest.domain.name} takes no more bytes`,
        hint: 'Is its disk full?',
      })
    }
    at += count
  }
}
