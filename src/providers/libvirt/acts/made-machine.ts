/** A machine that is made from a backup, and all that is made with it. */
import { dirname } from 'node:path'
import { ask, findDomain, findPool, findVolume, type Host, orAbsent } from '../connection.js'
import { undefineFlags } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { deleteVolume } from '../storage.js'
import { find, findAll, type XmlElement } from '../xml/tree.js'
import type { VolumeName } from './journaled.js'
import { refreshPools } from './pools.js'
import { leftOver } from './settling.js'
import { removeVolumeAt, volumesAt } from './snapshot-overlays.js'

const tries = 4
const pause = 500

/** None of it was there before. */
export interface MadeMachine {
  readonly name: string
  readonly uuid: string
  readonly volumes: readonly VolumeName[]
  /** Files that its serial lines are written to, in folders of pools. */
  readonly logs: readonly string[]
}

/** Those files of its serial lines that are not there yet. */
export async function newLogs(
  host: Host,
  definition: XmlElement,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const lines = ['serial', 'console'].flatMap(name => findAll(find(definition, 'devices'), name))
  const files = [...new Set(lines.flatMap(line => find(line, 'log')?.attributes.file ?? []))]
  await refreshFolders(host, files, signal)
  const there = await volumesAt(host, files, signal)
  return files.filter(file => !there.includes(file))
}

/**
 * Removes the machine and what was made with it, and looks whether it is gone. The machine goes first: one without its disks
 * must not be taken for whole.
 */
export async function removeMade(host: Host, made: MadeMachine, signal: AbortSignal): Promise<void> {
  for (let left = tries; ; left -= 1) {
    await removeAll(host, made, signal)
    const still = await stillThere(host, made, signal)
    if (still.length === 0) return
    if (left === 0) throw leftOver(made.name, still)
    // what libvirt was still making for a caller that is gone comes late
    await host.ports.clock.sleep(pause, signal)
  }
}

async function removeAll(host: Host, made: MadeMachine, signal: AbortSignal): Promise<void> {
  const { uuid, volumes, logs } = made
  const domain = await orAbsent(ask(host, procedures.domains.lookupByUuid, { uuid }, signal), 'NO_DOMAIN')
  if (domain !== undefined) {
    await orAbsent(
      ask(host, procedures.domains.destroy, { domain, flags: 0 }, signal),
      'OPERATION_INVALID',
      'NO_DOMAIN',
    )
    const flags = undefineFlags.managedSave | undefineFlags.nvram
    await orAbsent(ask(host, procedures.domains.undefine, { domain, flags }, signal), 'NO_DOMAIN')
  }
  await refreshPools(host, [...new Set(volumes.map(one => one.pool))], signal)
  await refreshFolders(host, logs, signal)
  for (const one of volumes) {
    const volume = await volumeOf(host, one, signal)
    if (volume !== undefined) await deleteVolume(host, volume, signal)
  }
  for (const log of logs) await removeVolumeAt(host, log, signal)
}

async function stillThere(
  host: Host,
  { name, uuid, volumes, logs }: MadeMachine,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const domain = await findDomain(host, { name, uuid }, signal)
  const found = await Promise.all(volumes.map(one => volumeOf(host, one, signal)))
  return [
    ...(domain?.uuid === uuid ? [name] : []),
    ...volumes.filter((_, index) => found[index] !== undefined).map(one => `${one.pool}:${one.name}`),
    ...(await volumesAt(host, logs, signal)),
  ]
}

async function volumeOf(host: Host, { pool: poolName, name }: VolumeName, signal: AbortSignal) {
  const pool = await findPool(host, poolName, signal)
  return pool && findVolume(host, pool, name, signal)
}

/** The pools that files are in. */
async function refreshFolders(host: Host, files: readonly string[], signal: AbortSignal): Promise<void> {
  const folders = [...new Set(files.map(file => dirname(file)))]
  const pools = await Promise.all(
    folders.map(path =>
      orAbsent(ask(host, procedures.pools.lookupByPath, { path }, signal), 'NO_STORAGE_POOL'),
    ),
  )
  await refreshPools(
    host,
    pools.flatMap(pool => pool?.name ?? []),
    signal,
  )
}
