/** Starting and stopping domains, gently first. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Host, orAbsent } from './connection.js'
import { shutdownFlags } from './rpc/flags.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'

/** How often a guest that has not stopped yet is asked again: one that is still booting hears nothing. */
const askEvery = 5_000
const lookEvery = 200

/** Whether it runs or is paused; one that is gone does not. */
export async function isActive(host: Host, domain: Domain, signal: AbortSignal): Promise<boolean> {
  return (await orAbsent(ask(host, procedures.domains.isActive, { domain }, signal), 'NO_DOMAIN')) ?? false
}

/** Starts it, if it does not run. */
export async function start(host: Host, domain: Domain, signal: AbortSignal): Promise<void> {
  if (await isActive(host, domain, signal)) return
  await ask(host, procedures.domains.start, { domain, flags: 0 }, signal)
}

/** Asks the guest to shut down, for so many seconds; then switches it off. Returns whether the guest did it itself. */
export async function stop(
  host: Host,
  domain: Domain,
  seconds: number,
  call: { readonly signal: AbortSignal; progress(message: string): void },
): Promise<boolean> {
  const { signal } = call
  if (!(await isActive(host, domain, signal))) return true
  const until = performance.now() + seconds * 1_000
  let asked = -Infinity
  while (performance.now() < until) {
    if (performance.now() - asked >= askEvery) {
      asked = performance.now()
      // refused where it stops just now, and by guests that cannot: then it is switched off below
      await ask(host, procedures.domains.shutdown, { domain, flags: shutdownFlags.acpi }, signal).catch(
        error => {
          signal.throwIfAborted()
          if (error?.kind === 'connection') throw error
        },
      )
    }
    await sleep(lookEvery, undefined, { signal })
    if (!(await isActive(host, domain, signal))) return true
  }
  if (seconds > 0) call.progress(`${domain.name} has not shut down within ${seconds} s: it is switched off`)
  await orAbsent(
    ask(host, procedures.domains.destroy, { domain, flags: 0 }, signal),
    'OPERATION_INVALID',
    'NO_DOMAIN',
  )
  return false
}
