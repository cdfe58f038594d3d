/** How much memory a running guest really has. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Host, orAbsent } from './connection.js'
import { procedures } from './rpc/procedures/index.js'
import type { Domain } from './rpc/types.js'

/** VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON */
const actualBalloon = 6
/** As many values as libvirt knows. */
const maxStats = 16

const lookEvery = 100
/** How long a guest gets to take memory that it is given: it does so at once, if at all. */
const giveTimeout = 5_000

/**
 * KiB, as QEMU has it: a running definition tells what was asked of a guest that has no driver for its balloon. Undefined where
 * nobody can tell, as of a machine that has stopped.
 */
export async function guestMemory(
  host: Host,
  domain: Domain,
  signal: AbortSignal,
): Promise<number | undefined> {
  const asked = ask(host, procedures.domains.memoryStats, { domain, maxStats, flags: 0 }, signal)
  const stats = await orAbsent(asked, 'NO_DOMAIN', 'OPERATION_INVALID', 'NO_SUPPORT')
  return stats?.find(({ tag }) => tag === actualBalloon)?.value
}

/** Waits until the guest has at least so much, in KiB. One that does not take it is told by whoever reads it back. */
export async function untilGiven(
  host: Host,
  domain: Domain,
  memoryKib: number,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + giveTimeout
  for (;;) {
    const now = await guestMemory(host, domain, signal)
    if (now === undefined || now >= memoryKib || performance.now() >= end) return
    await sleep(lookEvery, undefined, { signal })
  }
}
