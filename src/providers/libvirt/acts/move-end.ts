/** The end of a live move: seen on both hosts, then nothing of the machine stays on the first. */
import { basename, dirname } from 'node:path'
import { InfraError, messageOf } from '../../../model/error.js'
import { ask, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { removeFile } from '../folder-pool.js'
import { isActive } from '../power.js'
import { domainStates, domainXmlFlags, pausedReasons, undefineFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { readMetadata } from '../xml/metadata.js'
import { parseXml } from '../xml/parse.js'
import type { ActCall } from './each.js'
import type { VolumeName } from './journaled.js'
import { forgetLeft, type Left, readLeft } from './move-definition.js'
import { removeVolumes } from './move-disks.js'

/** `between`: it leaves or arrives just now. `unknown`: the host does not answer. */
export type Side = 'runs' | 'between' | 'off' | 'absent' | 'unknown'

const lookEvery = 250
const settleTime = 60_000

/** How the machine stands on a host; `unknown` where the host does not answer, never `absent`. */
export async function sideOf(host: Host, uuid: string, signal: AbortSignal): Promise<Side> {
  try {
    const domain = await orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
    if (domain === undefined) return 'absent'
    const is = await orAbsent(ask(host, procedures.domains.state, { domain, flags: 0 }, signal), 'NO_DOMAIN')
    if (is === undefined) return 'absent'
    const reasons: readonly number[] = Object.values(pausedReasons)
    if (is.state === domainStates.paused) return reasons.includes(is.reason) ? 'between' : 'runs'
    return is.state === domainStates.running || is.state === domainStates.blocked ? 'runs' : 'off'
  } catch (error) {
    if (signal.aborted || (error instanceof InfraError && error.kind === 'connection')) return 'unknown'
    throw error
  }
}

export interface Sides {
  readonly here: Side
  readonly there: Side
}

/** Waits until it is on one side alone, for a minute at most; the last that was seen. */
export async function settled(here: Host, there: Host, uuid: string): Promise<Sides> {
  const signal = AbortSignal.timeout(2 * settleTime)
  const until = here.ports.clock.now() + settleTime
  for (;;) {
    const [a, b] = await Promise.all([sideOf(here, uuid, signal), sideOf(there, uuid, signal)])
    const sides = { here: a, there: b }
    if (onOneSide(sides) || here.ports.clock.now() >= until) return sides
    await here.ports.clock.sleep(lookEvery)
  }
}

/** Which side it runs on alone; undefined where that cannot be said. */
export function onOneSide({ here, there }: Sides): 'here' | 'there' | undefined {
  const isNone = (side: Side) => side === 'absent' || side === 'off'
  if (here === 'runs' && isNone(there)) return 'here'
  return there === 'runs' && isNone(here) ? 'there' : undefined
}

/**
 * Ends the move of a machine that runs on the other host: its definition there is read, autostart set, and what is left of it
 * on the first host removed. Called again after a crash, it goes on. Returns what could not be removed.
 */
export async function endMove(
  here: Host,
  there: Host,
  uuid: string,
  owner: string | undefined,
  call: ActCall,
): Promise<readonly string[]> {
  const { signal } = call
  const domain = await ask(there, procedures.domains.lookupByUuid, { uuid }, signal)
  const flags = domainXmlFlags.inactive
  const root = parseXml(await ask(there, procedures.domains.xml, { domain, flags }, signal))
  const isKept = await ask(there, procedures.domains.isPersistent, { domain }, signal)
  if (!isKept || readMetadata(root).owner?.address !== owner) throw notWhole(domain.name)
  const left = readLeft(root)
  if (left === undefined) return []
  await ask(there, procedures.domains.setAutostart, { domain, autostart: left.autostart }, signal)
  call.progress(`removes what is left of it on ${left.from}`)
  const remarks = await removeLeft(here, uuid, left, signal)
  if (remarks.length === 0) await forgetLeft(there, domain, await isActive(there, domain, signal), signal)
  return remarks
}

/** Removes what is the machine's own on the host that it has left. What is gone already is no error; returns what could not be. */
export async function removeLeft(
  here: Host,
  uuid: string,
  left: Left,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const domain = await orAbsent(ask(here, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
    if (domain !== undefined) {
      const { managedSave, nvram, checkpoints } = undefineFlags
      const flags = managedSave | nvram | checkpoints
      await ask(here, procedures.domains.undefine, { domain, flags }, signal)
    }
    if (left.nvram !== undefined) await removeFile(here, dirname(left.nvram), basename(left.nvram), signal)
    await removeNamed(here, left.volumes, signal)
    return []
  } catch (error) {
    return [`not all that was left on ${left.from} could be removed: ${messageOf(error)}`]
  }
}

/** Removes volumes by their names; what is gone already is no error. */
export async function removeNamed(
  host: Host,
  volumes: readonly VolumeName[],
  signal: AbortSignal,
): Promise<void> {
  const pools = new Map(
    await Promise.all(
      [...new Set(volumes.map(one => one.pool))].map(async name => {
        const pool = await findPool(host, name, signal)
        if (pool !== undefined) await host.refresher.refresh(pool)
        return [name, pool] as const
      }),
    ),
  )
  const found = await Promise.all(
    volumes.map(one => {
      const pool = pools.get(one.pool)
      return pool && findVolume(host, pool, one.name, signal)
    }),
  )
  await removeVolumes(
    host,
    found.filter(one => one !== undefined),
    signal,
  )
}

function notWhole(name: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'not-so',
    message: `${name} runs on the other host, and its definition there is not what it was`,
    why: 'libvirt has not kept it, or not its owner',
    hint: `virsh dumpxml ${name}`,
  })
}
