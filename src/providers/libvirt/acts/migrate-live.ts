/**
 * Moving a machine to another host while it runs: libvirt does it, peer to peer, and copies the disks that the hosts do not
 * share. Whatever happens, it runs on one side alone afterwards, and which one is looked at and told.
 */
import { InfraError, messageOf } from '../../../model/error.js'
import { ask, type Host } from '../connection.js'
import { serialLog } from '../machine-input.js'
import { domainXmlFlags, migrateFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import type { TypedParameter } from '../rpc/types.js'
import { parseXml } from '../xml/parse.js'
import { serializeXml } from '../xml/serialize.js'
import type { XmlElement } from '../xml/tree.js'
import type { ActCall } from './each.js'
import type { VolumeName } from './journaled.js'
import type { MoveChoice, MoveJournal } from './journaled-move.js'
import type { Machine } from './machines.js'
import type { MigrateResult } from './migrate-result.js'
import { type Left, movedDefinition } from './move-definition.js'
import { type MovePlan, makePlaces, planMove } from './move-disks.js'
import { endMove, onOneSide, removeNamed, type Sides, settled } from './move-end.js'
import { findNvramFile } from './nvram.js'
import type { NamedHost } from './open.js'
import { ownVolumes } from './own-volumes.js'
import { peerAddress } from './peer-address.js'

export interface LiveOptions {
  /** Pool for the disks that are copied; pools of the same names by default. */
  readonly pool?: string
  /** Address by which the first host's libvirt reaches the other's; the stack's own by default. */
  readonly peerUri?: string
  /** Address that the machine's memory and disks go to (`tcp://10.0.0.2`); the other host's name by default. */
  readonly migrateUri?: string
  /** At most so many MiB a second. */
  readonly bandwidthMiB?: number
}

/** Large machines with slow guests take hours. Milliseconds. */
const longest = 7 * 86_400_000
const lookEvery = 250
const tellEvery = 2_000
const cleanUpTime = 60_000

/**
 * Resolves once it runs on the other host alone. Fails with `cannot-migrate` before it is touched, with `migration-failed`
 * where it goes on running here, and with `migration-unclear` where nobody can say.
 */
export async function migrateLive(
  machine: Machine,
  target: NamedHost,
  options: LiveOptions,
  call: ActCall,
  journal: MoveJournal,
): Promise<MigrateResult> {
  const { host, view } = machine
  const { signal } = call
  const { name: to, host: there } = target
  const peer = options.peerUri ?? peerAddress(host.client.uri, there.client.uri)
  if (peer === undefined) throw noWay(machine, to)
  const running = await definition(machine, domainXmlFlags.secure | domainXmlFlags.migratable, signal)
  const stored = await definition(machine, domainXmlFlags.secure | domainXmlFlags.inactive, signal)
  const plan = await planMove(machine, running, there, to, options.pool, signal)
  const left = await leftBy(machine, plan, signal)
  const made = placesOf(view.name, plan)
  await journal.begin({
    verb: 'migrate',
    name: view.name,
    uuid: view.uuid,
    ...(view.address !== undefined && { owner: view.address }),
    from: view.host,
    to,
    live: true,
    running: true,
    made,
    left,
    choice: chosen(options),
  })
  try {
    await makePlaces(host, there, plan.moved, signal)
  } catch (error) {
    if ((await removeMade(there, made)) === undefined) journal.ended()
    throw error
  }
  const parameters = parametersOf(
    [movedDefinition(running, plan.moved, left), movedDefinition(stored, plan.moved, left)],
    plan,
    options,
  )
  let cause: unknown
  try {
    await perform(machine, peer, parameters, flagsOf(plan), call)
  } catch (error) {
    cause = error
  }
  // what libvirt says is held against both hosts: an answer that never came may have been a good one
  const sides = await settled(host, there, view.uuid)
  const side = onOneSide(sides)
  if (side === 'here') {
    call.progress(`${view.name} runs on ${view.host}: what was made on ${to} is removed`)
    const stays = await removeMade(there, made)
    if (stays === undefined) journal.ended()
    throw stayed(machine, to, cause, stays)
  }
  if (side === undefined) throw unclear(machine, to, sides, cause)
  const notRemoved = await endMove(host, there, view.uuid, view.address, {
    ...call,
    signal: AbortSignal.timeout(cleanUpTime),
  })
  return {
    from: view.host,
    to,
    live: true,
    state: 'running',
    volumes: plan.moved.map(({ pool, volume }) => `${pool.name}:${volume}`),
    remarks: [],
    left: notRemoved,
  }
}

async function definition(
  { host, domain }: Machine,
  flags: number,
  signal: AbortSignal,
): Promise<XmlElement> {
  return parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
}

/** What was copied and is its own by its name, and its log beside that; nothing else is ever removed. */
async function leftBy(machine: Machine, { moved }: MovePlan, signal: AbortSignal): Promise<Left> {
  const { host, domain, view } = machine
  const nvram = await findNvramFile(host, domain, signal)
  const copied = new Set(moved.map(({ source }) => `${source.pool}:${source.name}`))
  const pools = new Set(moved.map(({ source }) => source.pool))
  return {
    from: view.host,
    volumes: ownVolumes(machine).filter(({ pool, name }) =>
      name === serialLog(view.name) ? pools.has(pool) : copied.has(`${pool}:${name}`),
    ),
    ...(nvram !== undefined && { nvram }),
    autostart: view.autostart,
  }
}

function flagsOf({ moved, proved }: MovePlan): number {
  const { live, peerToPeer, persistThere, undefineHere, protect, abortOnError, autoConverge } = migrateFlags
  const always = live | peerToPeer | persistThere | undefineHere | protect | abortOnError | autoConverge
  const copies = moved.some(disk => disk.written) ? migrateFlags.copyDisks : 0
  return always | copies | (proved ? migrateFlags.unsafe : 0)
}

function parametersOf(
  [running, stored]: readonly [XmlElement, XmlElement],
  { moved }: MovePlan,
  { migrateUri, bandwidthMiB }: LiveOptions,
): readonly TypedParameter[] {
  const text = (field: string, value: string): TypedParameter => ({ field, type: 'string', value })
  return [
    text('destination_xml', serializeXml(running)),
    text('persistent_xml', serializeXml(stored)),
    ...moved.flatMap(one => (one.written ? [text('migrate_disks', one.disk.device)] : [])),
    ...(migrateUri === undefined ? [] : [text('migrate_uri', migrateUri)]),
    ...(bandwidthMiB === undefined
      ? []
      : [{ field: 'bandwidth', type: 'ullong', value: bandwidthMiB } as const]),
  ]
}

/** Returns once libvirt says that it is over. Giving up takes the job back, and waits for libvirt to say so. */
async function perform(
  { host, domain }: Machine,
  peer: string,
  parameters: readonly TypedParameter[],
  flags: number,
  call: ActCall,
): Promise<void> {
  const { clock } = host.ports
  call.signal.throwIfAborted()
  let over = false
  const args = { domain, peer, parameters, cookie: new Uint8Array(), flags }
  const done = host.client.call(procedures.migrations.perform, args, { timeout: longest }).finally(() => {
    over = true
  })
  // how it ended is told where it is awaited
  const ended = done.catch(() => undefined)
  let told = clock.now()
  while (!over) {
    await Promise.race([ended, clock.sleep(lookEvery)])
    if (over) break
    if (call.signal.aborted) await abort(host, domain)
    else if (clock.now() - told >= tellEvery) {
      told = clock.now()
      await tell(host, domain, call)
    }
  }
  await done
}

async function abort(host: Host, domain: Machine['domain']): Promise<void> {
  // refused where the job has not begun yet, or is over
  await ask(host, procedures.backups.abortJob, { domain }, AbortSignal.timeout(cleanUpTime)).catch(
    () => undefined,
  )
}

async function tell(host: Host, domain: Machine['domain'], call: ActCall): Promise<void> {
  const stats = await ask(host, procedures.backups.jobStats, { domain, flags: 0 }, call.signal).catch(
    () => undefined,
  )
  const value = (field: string) => Number(stats?.parameters.find(one => one.field === field)?.value ?? 0)
  const percent = (what: string) => {
    const total = value(`${what}_total`)
    return total === 0 ? [] : [`${what} ${Math.floor((1 - value(`${what}_remaining`) / total) * 100)} %`]
  }
  const parts = [...percent('disk'), ...percent('memory')]
  if (parts.length > 0) call.progress(`moves: ${parts.join(', ')}`)
}

/** What it has there: its disks, and the log that libvirt begins beside them. */
function placesOf(name: string, { moved }: MovePlan): readonly VolumeName[] {
  return [
    ...moved.map(({ pool, volume }) => ({ pool: pool.name, name: volume })),
    ...[...new Set(moved.map(({ pool }) => pool.name))].map(pool => ({ pool, name: serialLog(name) })),
  ]
}

function chosen({ pool, peerUri, migrateUri, bandwidthMiB }: LiveOptions): MoveChoice {
  return {
    ...(pool !== undefined && { pool }),
    ...(peerUri !== undefined && { peerUri }),
    ...(migrateUri !== undefined && { migrateUri }),
    ...(bandwidthMiB !== undefined && { bandwidthMiB }),
  }
}

/** What was made in vain. Returns why some of it may be there still. */
async function removeMade(there: Host, made: readonly VolumeName[]): Promise<string | undefined> {
  try {
    await removeNamed(there, made, AbortSignal.timeout(cleanUpTime))
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function noWay({ view }: Machine, to: string): InfraError {
  return new InfraError({
    kind: 'operation',
    code: 'cannot-migrate',
    message: `${view.name} cannot move to ${to} while it runs`,
    why: `${to} is reached by a socket of this machine, which the libvirt of ${view.host} cannot reach`,
    hint: 'Say how it does: --peer-uri qemu+ssh://HOST/system. Or move it switched off: --offline.',
  })
}

function stayed({ view }: Machine, to: string, cause: unknown, left: string | undefined): unknown {
  if (!(cause instanceof InfraError) && cause !== undefined) return cause
  return new InfraError({
    kind: 'operation',
    code: 'migration-failed',
    message: `${view.name} has not moved to ${to}: it runs on ${view.host}, and ${left === undefined ? `on ${to} nothing of it is left` : `what was made on ${to} may be there still: ${left}`}`,
    why: cause?.why ?? cause?.message ?? 'libvirt gives no reason',
    hint: `The libvirt of ${view.host} must reach that of ${to} (--peer-uri) and its qemu the other (--migrate-uri). Or move it switched off: --offline.`,
    ...(cause !== undefined && { cause }),
  })
}

function unclear({ view }: Machine, to: string, { here, there }: Sides, cause: unknown): InfraError {
  const words = {
    runs: 'it runs',
    between: 'it is on its way',
    off: 'it is off',
    absent: 'it is not there',
    unknown: 'no answer',
  }
  const said = cause instanceof InfraError ? ` (${cause.why ?? cause.message})` : ''
  return new InfraError({
    kind: 'operation',
    code: 'migration-unclear',
    message: `Where ${view.name} runs cannot be told yet`,
    why: `${view.host}: ${words[here]}; ${to}: ${words[there]}${said}`,
    hint: 'Look with `infra vm list`. What is over is ended by `infra recover`; without a stack, by saying the same again.',
  })
}
