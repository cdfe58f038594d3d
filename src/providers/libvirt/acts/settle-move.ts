/**
 * Settling a move that was cut off: it is found out where the machine is, what the move left on the other side is removed, and
 * where that is not the side that is wanted, it is moved once more.
 */
import { mkdir, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { InfraError } from '../../../model/error.js'
import { ask, type Host, orAbsent } from '../connection.js'
import { start } from '../power.js'
import { readProgress } from '../progress.js'
import { LibvirtError } from '../rpc/errors.js'
import { domainXmlFlags, jobOperations } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { Domain } from '../rpc/types.js'
import { parseXml } from '../xml/parse.js'
import type { ActCall } from './each.js'
import type { MoveAct, MoveChoice } from './journaled-move.js'
import type { Direction } from './known-act.js'
import { readMachines } from './machines.js'
import { migrateMachine } from './migrate.js'
import { arrive, takeBack } from './migrate-offline.js'
import { readLeft } from './move-definition.js'
import { endMove, removeLeft, type Side, sideOf } from './move-end.js'
import type { NamedHost } from './open.js'

/** `part`: only begun to be made there. */
export type Found = Side | 'part'

export interface MoveHosts {
  readonly from: NamedHost
  readonly to: NamedHost
}

const lookEvery = 250
const tellEvery = 2_000
/** How long it may stand between the hosts with no move under way. Milliseconds. */
const settleTime = 60_000

/** What settling it would do, in words. */
export function moveWay({ name, from, to }: MoveAct, direction: Direction): string {
  return direction === 'forward'
    ? `${name} is moved to ${to}; nothing of it stays on ${from}.`
    : `${name} stays on ${from}: the move is given up, or, where it has come to its end, made back.`
}

/** Ends the move or takes it back. Afterwards the machine is on one host alone: on the one that is returned. */
export async function settleMove(
  act: MoveAct,
  hosts: MoveHosts,
  direction: Direction,
  call: ActCall,
): Promise<string> {
  const { from, to } = hosts
  const is = await untilStanding(act, hosts, direction, call)
  const wanted = direction === 'forward' ? 'there' : 'here'
  if (is === 'there') await keepThere(act, hosts, call)
  else await keepHere(act, hosts, is === wanted, call)
  await removeScratch(act)
  if (is !== wanted) {
    // so that it is found again where this is cut off, too
    if (act.scratch !== undefined) await mkdir(act.scratch, { mode: 0o700, recursive: true })
    await moveAgain(act, hosts, direction, call)
    await removeScratch(act)
  }
  return (wanted === 'there' ? to : from).name
}

/** Where it is whole; undefined while it is on its way, and where that cannot be told. */
export function standing(
  live: boolean,
  here: Found,
  there: Found,
  direction: Direction,
): 'here' | 'there' | undefined {
  const isTold = (found: Found) => found !== 'between' && found !== 'unknown'
  const isNone = (found: Found) => found === 'absent' || found === 'part'
  if (!isTold(here) || !isTold(there)) return undefined
  if (isNone(there)) return isNone(here) ? undefined : 'here'
  if (isNone(here)) return 'there'
  if (here === 'off' && there === 'runs') return 'there'
  // as it runs, it leaves no definition there before it has arrived
  if (live) return undefined
  if (here === 'runs') return there === 'runs' ? undefined : 'here'
  // off on both: a whole copy, and what it was made from
  return direction === 'forward' ? 'there' : 'here'
}

/** Waits for a move that libvirt is still making; one in the wrong direction is given up. */
async function untilStanding(
  act: MoveAct,
  { from, to }: MoveHosts,
  direction: Direction,
  call: ActCall,
): Promise<'here' | 'there'> {
  const { clock } = from.host.ports
  const { uuid, live, name } = act
  let until = clock.now() + settleTime
  let told = -Infinity
  for (;;) {
    call.signal.throwIfAborted()
    const [leaves, comesBack] = await Promise.all([
      leaving(from.host, uuid, call.signal),
      leaving(to.host, uuid, call.signal),
    ])
    const [here, there] = await Promise.all([
      foundOn(from.host, uuid, call.signal),
      foundOn(to.host, uuid, call.signal),
    ])
    const unwanted = direction === 'forward' ? comesBack && to.host : leaves && from.host
    if (unwanted) await abortMove(unwanted, uuid, call.signal)
    if (leaves || comesBack) {
      until = clock.now() + settleTime
      if (clock.now() - told >= tellEvery) {
        told = clock.now()
        call.progress(unwanted ? 'gives the move up' : 'is still on its way')
      }
    } else {
      const is = standing(live, here, there, direction)
      if (is !== undefined) return is
      if (clock.now() >= until) throw unclear(name, [from.name, here], [to.name, there])
    }
    await clock.sleep(lookEvery, call.signal)
  }
}

async function domainOf(host: Host, uuid: string, signal: AbortSignal): Promise<Domain | undefined> {
  return orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
}

async function foundOn(host: Host, uuid: string, signal: AbortSignal): Promise<Found> {
  const side = await sideOf(host, uuid, signal)
  if (side !== 'off') return side
  const domain = await domainOf(host, uuid, signal)
  if (domain === undefined) return 'absent'
  const flags = domainXmlFlags.inactive
  const xml = await orAbsent(ask(host, procedures.domains.xml, { domain, flags }, signal), 'NO_DOMAIN')
  if (xml === undefined) return 'absent'
  return readProgress(parseXml(xml)) === undefined ? 'off' : 'part'
}

/** Whether its libvirt is moving it away just now. */
async function leaving(host: Host, uuid: string, signal: AbortSignal): Promise<boolean> {
  try {
    const domain = await domainOf(host, uuid, signal)
    if (domain === undefined) return false
    const { type, parameters } = await ask(host, procedures.backups.jobStats, { domain, flags: 0 }, signal)
    const operation = parameters.find(one => one.field === 'operation')?.value
    return type !== 0 && Number(operation) === jobOperations.migrationOut
  } catch (error) {
    // libvirt tells of no job (the machine is off, or just over): where it is tells then. A host that is out of reach says nothing
    if (error instanceof LibvirtError && error.kind !== 'connection') return false
    throw error
  }
}

async function abortMove(host: Host, uuid: string, signal: AbortSignal): Promise<void> {
  const domain = await domainOf(host, uuid, signal)
  // refused where the move is over, or takes no end just now: it is looked at again
  if (domain !== undefined)
    await ask(host, procedures.backups.abortJob, { domain }, signal).catch(() => signal.throwIfAborted())
}

/** It is on the other host: there it is brought to its end, and nothing of it stays here. */
async function keepThere(act: MoveAct, { from, to }: MoveHosts, call: ActCall): Promise<void> {
  const { uuid, owner, left, live, running } = act
  if (!live) await arrive(to.host, uuid, { autostart: left.autostart, running }, call)
  requireRemoved(act, to.name, from.name, await endMove(from.host, to.host, uuid, owner, call))
  requireRemoved(act, to.name, from.name, await removeLeft(from.host, uuid, left, call.signal))
}

/** It is where it was: nothing of it stays on the other host, and where it ran it does. */
async function keepHere(act: MoveAct, { from, to }: MoveHosts, stays: boolean, call: ActCall): Promise<void> {
  const { signal } = call
  const { uuid, owner, made, live, running } = act
  // on its way back, it has come with a mark of its own
  if (await comesFrom(from.host, uuid, to.name, signal))
    requireRemoved(act, from.name, to.name, await endMove(to.host, from.host, uuid, owner, call))
  await takeBack(to.host, uuid, made, signal)
  const domain = await domainOf(from.host, uuid, signal)
  // one that goes on, and is to be stopped for it, is not started first
  if (stays && !live && running && domain !== undefined) await start(from.host, domain, signal)
}

async function comesFrom(host: Host, uuid: string, other: string, signal: AbortSignal): Promise<boolean> {
  const domain = await domainOf(host, uuid, signal)
  if (domain === undefined) return false
  const flags = domainXmlFlags.inactive
  return (
    readLeft(parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal)))?.from === other
  )
}

async function moveAgain(
  act: MoveAct,
  { from, to }: MoveHosts,
  direction: Direction,
  call: ActCall,
): Promise<void> {
  const [source, target] = direction === 'forward' ? [from, to] : [to, from]
  const machine = (await readMachines(source, call.signal)).find(one => one.view.uuid === act.uuid)
  if (machine === undefined) throw unclear(act.name, [from.name, 'unknown'], [to.name, 'unknown'])
  const { left } = await migrateMachine(
    machine,
    target,
    {
      ...(direction === 'forward' ? act.choice : wayBack(act)),
      offline: !act.live,
      ...(!act.live && { running: act.running }),
      ...(act.scratch !== undefined && { scratch: act.scratch }),
    },
    call,
  )
  requireRemoved(act, target.name, source.name, left)
}

/** What was asked of the move, seen from the other host. */
export function wayBack({ choice, left, from, to, name }: MoveAct): MoveChoice {
  const { bandwidthMiB, timeoutSeconds, migrateUri, pool } = choice
  const pools = [...new Set(left.volumes.map(one => one.pool))]
  if (pool !== undefined && pools.length > 1) {
    throw new InfraError({
      kind: 'operation',
      code: 'cannot-migrate',
      message: `${name} has come to ${to}, and cannot be moved back into the pools that its disks were in`,
      why: `They were in ${pools.join(', ')}, and are all in ${pool} now`,
      hint: `\`infra recover --forward\` ends the move; then move it where you want it: infra vm migrate ${name} --to ${from} --pool POOL`,
    })
  }
  return {
    ...(pool !== undefined && pools[0] !== undefined && { pool: pools[0] }),
    ...(bandwidthMiB !== undefined && { bandwidthMiB }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    // two hosts that reach each other by loopback are one machine, from either side
    ...(migrateUri !== undefined && isLoopback(migrateUri) && { migrateUri }),
  }
}

function isLoopback(uri: string): boolean {
  return /^[a-z]+:\/\/(127\.[\d.]+|localhost|\[::1\])(:\d+)?\/?$/.test(uri)
}

/** Copies of disks; only ever a folder that a move has made. */
async function removeScratch({ scratch }: MoveAct): Promise<void> {
  if (scratch !== undefined && basename(scratch).startsWith('infra-migrate-'))
    await rm(scratch, { recursive: true, force: true })
}

function requireRemoved({ name }: MoveAct, at: string, other: string, left: readonly string[]): void {
  if (left.length > 0) throw leftBehind(name, at, other, left)
}

/** Of a move that has come to its end but for what could not be removed. */
export function leftBehind(name: string, at: string, other: string, left: readonly string[]): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'left-behind',
    message: `${name} is on ${at}, and something of it is still on ${other}`,
    why: left.join('; '),
    hint: 'Mend the cause, and try again.',
  })
}

function unclear(name: string, ...places: readonly (readonly [string, Found])[]): InfraError {
  const words: Readonly<Record<Found, string>> = {
    runs: 'it runs',
    between: 'it is on its way',
    off: 'it is off',
    absent: 'it is not there',
    part: 'it is there in part',
    unknown: 'no answer',
  }
  return new InfraError({
    kind: 'operation',
    code: 'migration-unclear',
    message: `Where ${name} is cannot be told`,
    why: places.map(([host, found]) => `${host}: ${words[found]}`).join('; '),
    hint: 'See which one is right with `infra vm list`; then run `infra recover` again.',
  })
}
