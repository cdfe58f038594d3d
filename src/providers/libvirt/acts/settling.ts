/** What settling acts that were cut off has in common. */
import { InfraError } from '../../../model/error.js'
import { ask } from '../connection.js'
import { isLibvirt } from '../rpc/errors.js'
import { domainStates, pausedReasons } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { ActCall } from './each.js'
import type { Direction } from './known-act.js'
import { type Machine, readMachines } from './machines.js'

const lookEvery = 250
const tellEvery = 2_000

/**
 * Waits for what libvirt still does to a machine for a caller that is gone: whatever it has begun it brings to an end, but for
 * jobs of the operation that is `unwanted`, which are given up. Returns the machine as it is then; undefined where it is gone.
 */
export async function untilIdle(
  machine: Machine,
  { signal, progress }: ActCall,
  unwanted?: number,
): Promise<Machine | undefined> {
  const { host, view, domain } = machine
  const { clock } = host.ports
  let told = clock.now()
  for (;;) {
    const job = await jobOf(machine, signal)
    if (job === undefined) break
    if (unwanted !== undefined && job.operation === unwanted)
      // refused where it has just come to its end
      await ask(host, procedures.backups.abortJob, { domain }, signal).catch(() => signal.throwIfAborted())
    if (clock.now() - told >= tellEvery) {
      told = clock.now()
      progress('libvirt is still at it')
    }
    await clock.sleep(lookEvery, signal)
  }
  const [now] = await readMachines({ name: view.host, host }, signal, ({ uuid }) => uuid === view.uuid)
  return now
}

/**
 * What libvirt does to it just now; undefined for nothing. Of a machine that is off it answers nothing before what it does is
 * over; of a job that has just begun it has no numbers, which it calls an internal error.
 */
async function jobOf(
  { host, domain }: Machine,
  signal: AbortSignal,
): Promise<{ readonly operation?: number } | undefined> {
  try {
    const { type, parameters } = await ask(host, procedures.backups.jobStats, { domain, flags: 0 }, signal)
    if (type !== 0)
      return { operation: Number(parameters.find(one => one.field === 'operation')?.value ?? 0) }
    const { state, reason } = await ask(host, procedures.domains.state, { domain, flags: 0 }, signal)
    return state === domainStates.paused && reason === pausedReasons.startingUp ? {} : undefined
  } catch (error) {
    if (isLibvirt(error, 'OPERATION_TIMEOUT', 'INTERNAL_ERROR')) return {}
    if (isLibvirt(error, 'OPERATION_INVALID', 'NO_DOMAIN')) return undefined
    throw error
  }
}

/** Told where an act cannot be taken back, or not be brought to its end. */
export function noWay(name: string, direction: Direction, why: string): InfraError {
  const isBack = direction === 'back'
  return new InfraError({
    kind: 'validation',
    code: 'no-way',
    message: `What was begun on ${name} cannot be ${isBack ? 'taken back' : 'brought to its end'}`,
    why,
    hint: isBack
      ? '`infra recover --forward` brings it to its end.'
      : '`infra recover --back` takes it back.',
  })
}

/** Told where something of an act is still there that was to go. */
export function leftOver(name: string, left: readonly string[]): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'left-behind',
    message: `Something of what was begun on ${name} is still there`,
    why: left.join(', '),
    hint: 'Mend the cause, and try again.',
  })
}
