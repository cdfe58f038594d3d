/** Starting, stopping, restarting and resetting machines by hand; each is read back. */
import { InfraError } from '../../../model/error.js'
import { ask } from '../connection.js'
import { number } from '../kinds/values.js'
import { stop } from '../power.js'
import { untilReady } from '../readiness.js'
import { LibvirtError } from '../rpc/errors.js'
import { domainStates } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { ActCall } from './each.js'
import { type ActJournal, identityOf, unjournaled } from './journaled.js'
import type { Machine } from './machines.js'
import type { PowerAct } from './settle-power.js'

/** Seconds that a guest gets to shut down. */
const defaultTimeout = 60

export interface PowerOptions {
  /** Seconds for the guest to shut down; 0 switches it off at once. As its document says by default, else 60. */
  readonly timeoutSeconds?: number
  /** Returns as soon as it runs, without waiting for the readiness that its document asks for. */
  readonly noWait?: boolean
}

export interface PowerResult {
  readonly before: string
  readonly state: 'running' | 'shut off'
  /** Whether anything had to be done. */
  readonly changed: boolean
  /** The guest did not shut down in time and was switched off. */
  readonly forced?: true
}

/** Starts it, or lets it go on where it is paused, and waits until it is ready as its document says. */
export async function startMachine(
  machine: Machine,
  options: PowerOptions,
  call: ActCall,
  journal: ActJournal<PowerAct> = unjournaled,
): Promise<PowerResult> {
  const { host, domain } = machine
  const before = machine.view.state
  if (before !== 'running') await journal.begin(powerAct('start', machine, options))
  if (before === 'paused') await ask(host, procedures.domains.resume, { domain }, call.signal)
  else if (before !== 'running') await ask(host, procedures.domains.start, { domain, flags: 0 }, call.signal)
  await ready(machine, options, call)
  await requireState(machine, 'running', call.signal)
  return { before, state: 'running', changed: before !== 'running' }
}

/**
 * Asks the guest to shut down for as long as the options or its document say, then switches it off, which is told as
 * `forced`.
 */
export async function stopMachine(
  machine: Machine,
  options: PowerOptions,
  call: ActCall,
  journal: ActJournal<PowerAct> = unjournaled,
): Promise<PowerResult> {
  const { host, domain } = machine
  const before = machine.view.state
  const changed = before === 'running' || before === 'paused'
  if (changed) await journal.begin(powerAct('stop', machine, options))
  const gentle = await stop(host, domain, secondsOf(machine, options), call)
  await requireState(machine, 'shut off', call.signal)
  return { before, state: 'shut off', changed, ...(changed && !gentle && { forced: true as const }) }
}

/** Stopped and started: what is stored and waited for a restart counts from now on. */
export async function restartMachine(
  machine: Machine,
  options: PowerOptions,
  call: ActCall,
  journal: ActJournal<PowerAct> = unjournaled,
): Promise<PowerResult> {
  const { host, domain } = machine
  await journal.begin(powerAct('restart', machine, options))
  const stopped = await stopMachine(machine, options, call)
  call.progress('starts')
  await ask(host, procedures.domains.start, { domain, flags: 0 }, call.signal)
  await ready(machine, options, call)
  await requireState(machine, 'running', call.signal)
  return { ...stopped, state: 'running', changed: true }
}

/** As by the reset button: the guest is not asked. Its stored changes do not count yet. */
export async function resetMachine(
  machine: Machine,
  options: PowerOptions,
  call: ActCall,
  journal: ActJournal<PowerAct> = unjournaled,
): Promise<PowerResult> {
  const { host, domain, view } = machine
  if (view.state !== 'running') {
    throw new InfraError({
      kind: 'operation',
      code: 'not-running',
      message: `${view.name} is ${view.state}, and only a running machine can be reset`,
      hint: `infra vm start ${view.name}`,
    })
  }
  await journal.begin(powerAct('reset', machine, options))
  try {
    await ask(host, procedures.domains.reset, { domain, flags: 0 }, call.signal)
  } catch (error) {
    if (error instanceof LibvirtError) journal.ended()
    throw error
  }
  // a guest that does not become ready was reset all the same
  journal.ended()
  await ready(machine, options, call)
  await requireState(machine, 'running', call.signal)
  return { before: view.state, state: 'running', changed: true }
}

function powerAct(
  verb: PowerAct['verb'],
  machine: Machine,
  { timeoutSeconds, noWait }: PowerOptions,
): PowerAct {
  return {
    verb,
    ...identityOf(machine),
    was: machine.view.state,
    id: machine.domain.id,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(noWait && { noWait }),
  }
}

function secondsOf({ stored }: Machine, options: PowerOptions): number {
  return options.timeoutSeconds ?? number(stored.metadata.document?.shutdownTimeoutSeconds) ?? defaultTimeout
}

/** Waits as the document asks that the machine was made from. */
async function ready(machine: Machine, options: PowerOptions, call: ActCall): Promise<void> {
  const { document } = machine.stored.metadata
  if (options.noWait || document === undefined) return
  await untilReady(machine.host, machine.domain, document, call)
}

/** What libvirt said it did is looked at. */
async function requireState(
  { host, domain }: Machine,
  wanted: 'running' | 'shut off',
  signal: AbortSignal,
): Promise<void> {
  const { state } = await ask(host, procedures.domains.state, { domain, flags: 0 }, signal)
  const is = state === domainStates.running || state === domainStates.blocked ? 'running' : 'other'
  const off = state === domainStates.shutoff || state === domainStates.crashed
  if (wanted === 'running' ? is === 'running' : off) return
  throw new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `${domain.name} was to be ${wanted} and is not`,
    why: `libvirt tells its state as ${state}`,
    hint: `infra vm logs ${domain.name}`,
  })
}
