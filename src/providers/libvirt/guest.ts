/** Commands in a guest, through its agent. */
import { setTimeout as sleep } from 'node:timers/promises'
import { InfraError } from '../../model/error.js'
import { ask, type Host } from './connection.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'

/** Seconds that libvirt waits for the agent. */
const agentTimeout = 5
const lookEvery = 100

export interface GuestResult {
  /** Exit status; 128 and the signal where one ended it. */
  readonly status: number
  readonly output: string
  readonly errors: string
}

/** One command of the agent. Fails with libvirt's AGENT_UNRESPONSIVE where none answers. */
export async function agentCommand(
  host: Host,
  domain: Domain,
  execute: string,
  args: object,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const result = await agentAnswer(host, domain, execute, args, signal)
  return typeof result === 'object' && result !== null ? (result as Record<string, unknown>) : {}
}

/** Opens a file of the guest and closes it again: of no cost to the guest. Fails, with why, where it cannot be read. */
export async function requireGuestFile(
  host: Host,
  domain: Domain,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const handle = await agentAnswer(host, domain, 'guest-file-open', { path, mode: 'r' }, signal)
  await agentAnswer(host, domain, 'guest-file-close', { handle }, signal)
}

async function agentAnswer(
  host: Host,
  domain: Domain,
  execute: string,
  args: object,
  signal: AbortSignal,
): Promise<unknown> {
  const command = JSON.stringify({ execute, arguments: args })
  const answer = await ask(
    host,
    procedures.domains.agent,
    { domain, command, timeout: agentTimeout, flags: 0 },
    signal,
  )
  const parsed: unknown = JSON.parse(answer ?? '{}')
  return typeof parsed === 'object' && parsed !== null && 'return' in parsed ? parsed.return : undefined
}

/** Runs a program of the guest and waits for its end. */
export async function guestRun(
  host: Host,
  domain: Domain,
  command: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<GuestResult> {
  const [path, ...arg] = command
  const { pid } = await agentCommand(
    host,
    domain,
    'guest-exec',
    { path, arg, 'capture-output': true },
    signal,
  )
  if (typeof pid !== 'number') {
    throw new InfraError({
      kind: 'operation',
      code: 'guest-exec',
      message: `The agent of ${domain.name} did not start ${path}`,
    })
  }
  for (;;) {
    const state = await agentCommand(host, domain, 'guest-exec-status', { pid }, signal)
    if (state.exited === true) {
      return {
        status: typeof state.signal === 'number' ? 128 + state.signal : Number(state.exitcode ?? 0),
        output: decoded(state['out-data']),
        errors: decoded(state['err-data']),
      }
    }
    await sleep(lookEvery, undefined, { signal })
  }
}

function decoded(data: unknown): string {
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : ''
}
