/** Moving a machine to another host: while it runs where libvirt can do that, else switched off. */
import { InfraError } from '../../../model/error.js'
import { ask, findDomain, findPool, type Host, orAbsent } from '../connection.js'
import { text } from '../kinds/values.js'
import { missing } from '../nearest.js'
import { domainXmlFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { parseXml } from '../xml/parse.js'
import type { ActCall } from './each.js'
import { unjournaled } from './journaled.js'
import type { MoveJournal } from './journaled-move.js'
import type { Machine } from './machines.js'
import { type LiveOptions, migrateLive } from './migrate-live.js'
import { migrateOffline, type OfflineOptions } from './migrate-offline.js'
import type { MigrateResult } from './migrate-result.js'
import { type Left, readLeft } from './move-definition.js'
import { endMove, onOneSide, settled } from './move-end.js'
import type { NamedHost } from './open.js'
import { listSnapshots } from './snapshots.js'

export interface MigrateOptions extends LiveOptions, OfflineOptions {
  /** A running machine is stopped for it. */
  readonly offline?: boolean
}

/** Fails before the machine is touched where it cannot be, with what to do about it. */
export async function migrateMachine(
  machine: Machine,
  target: NamedHost,
  options: MigrateOptions,
  call: ActCall,
  journal: MoveJournal = unjournaled,
): Promise<MigrateResult> {
  const { state } = machine.view
  const isLive = (state === 'running' || state === 'paused') && options.offline !== true
  await refuseImpossible(machine, target, { ...options, offline: !isLive }, call.signal)
  const move = isLive ? migrateLive : migrateOffline
  return move(machine, target, options, call, journal)
}

/** The connection to the host that the machine came from, where its move has not come to its end. */
export async function cameFrom(machine: Machine, signal: AbortSignal): Promise<string | undefined> {
  return (await leftOf(machine, signal))?.from
}

/** What its mark tells. */
async function leftOf({ host, domain }: Machine, signal: AbortSignal): Promise<Left | undefined> {
  const flags = domainXmlFlags.inactive
  return readLeft(parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal)))
}

/** Ends a live move that nobody saw the end of: the machine runs on the other host, and something of it is still here. */
export async function finishMigration(
  machine: Machine,
  from: NamedHost,
  call: ActCall,
  journal: MoveJournal = unjournaled,
): Promise<MigrateResult> {
  const { host, view } = machine
  if (onOneSide(await settled(from.host, host, view.uuid)) !== 'there') {
    throw new InfraError({
      kind: 'operation',
      code: 'cannot-migrate',
      message: `${view.name} is on ${from.name} and on ${view.host}, and does not run on ${view.host} alone`,
      hint: `See which one is right: infra vm show ${from.name}/${view.name}, infra vm show ${view.host}/${view.name}`,
    })
  }
  const { name, uuid, address: owner, autostart } = view
  await journal.begin({
    verb: 'migrate',
    name,
    uuid,
    ...(owner !== undefined && { owner }),
    from: from.name,
    to: view.host,
    live: true,
    running: true,
    made: [],
    left: (await leftOf(machine, call.signal)) ?? { from: from.name, volumes: [], autostart },
    choice: {},
  })
  const left = await endMove(from.host, host, uuid, owner, call)
  return { from: from.name, to: view.host, live: true, state: 'running', volumes: [], remarks: [], left }
}

/** Found out before the machine is touched. */
async function refuseImpossible(
  machine: Machine,
  { name: to, host: there }: NamedHost,
  options: MigrateOptions,
  signal: AbortSignal,
): Promise<void> {
  const { view, stored } = machine
  const refuse = (why: string, hint: string) =>
    new InfraError({
      kind: 'operation',
      code: 'cannot-migrate',
      message: `${view.name} cannot move to ${to}`,
      why,
      hint,
    })
  if (to === view.host) throw refuse('It is there', 'Say another host with --to.')
  if ((await findDomain(there, { name: view.name, uuid: view.uuid }, signal)) !== undefined)
    throw refuse('There is a machine of its name or UUID already', `infra vm show ${to}/${view.name}`)
  if (options.offline && stored.spec.tpm === true)
    throw refuse(
      'It has a TPM, whose state libvirt gives to nobody',
      'Its secrets would be lost: move it while it runs, or unseal them first, and remove `tpm`.',
    )
  if ((await listSnapshots(machine, signal)).length > 0)
    throw refuse('It has snapshots, which cannot come along', 'Delete them: infra vm snapshot delete.')
  const pools = new Set(
    options.pool === undefined ? stored.disks.flatMap(disk => disk.pool ?? []) : [options.pool],
  )
  for (const pool of pools) {
    if ((await findPool(there, pool, signal)) === undefined)
      throw refuse(`${to} has no storage pool ${pool}`, 'Make it there, or name another with --pool.')
  }
  await needNetworks(machine, there, signal)
}

async function needNetworks({ stored }: Machine, there: Host, signal: AbortSignal): Promise<void> {
  const [networks, interfaces] = await Promise.all([
    ask(there, procedures.connect.listNetworks, { needResults: 1, flags: 0 }, signal),
    orAbsent(
      ask(there, procedures.connect.listInterfaces, { needResults: 1, flags: 0 }, signal),
      'NO_SUPPORT',
      'INTERNAL_ERROR',
      'OPERATION_UNSUPPORTED',
    ),
  ])
  const names = networks.map(one => one.name)
  const bridges = (interfaces ?? []).map(one => one.name)
  for (const { spec } of stored.interfaces) {
    const [network, bridge] = [text(spec.network), text(spec.bridge)]
    if (network !== undefined && !names.includes(network))
      throw missing('network', network, names, 'Make it on the other host first')
    if (bridge !== undefined && bridges.length > 0 && !bridges.includes(bridge))
      throw missing('bridge', bridge, bridges, 'Make it on the other host first')
  }
}
