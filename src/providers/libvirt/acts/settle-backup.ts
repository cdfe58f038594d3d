/** Settling acts on backups that were cut off. */
import { rename } from 'node:fs/promises'
import { InfraError } from '../../../model/error.js'
import type { Attributes } from '../../../model/value.js'
import { ask, type Host } from '../connection.js'
import { readProgress } from '../progress.js'
import { domainXmlFlags, jobOperations } from '../rpc/flags.js'
import { procedures } from '../rpc/procedures/index.js'
import { parseXml } from '../xml/parse.js'
import { backupMachine } from './backup.js'
import { copiesThere, removeCopies } from './backup-copy.js'
import { eraseBackup } from './backup-delete.js'
import { restoreBackup } from './backup-restore.js'
import { backupFolder, doomed, isThere, readBackup, verifyBackup } from './backup-store.js'
import type { ActCall } from './each.js'
import {
  type BackupCreateAct,
  type BackupDeleteAct,
  type BackupRestoreAct,
  readBackupAct,
} from './journaled-backup.js'
import type { Direction, KnownAct } from './known-act.js'
import type { Machine } from './machines.js'
import { removeMade } from './made-machine.js'
import type { NamedHost } from './open.js'
import { leftOver, noWay, untilIdle } from './settling.js'
import { settle as settlePower } from './snapshot-restore.js'

/** The act of a journal's record; undefined for what this version does not know. */
export function backupAct(what: Attributes): KnownAct | undefined {
  const act = readBackupAct(what)
  switch (act?.verb) {
    case 'backup-create':
      return createAct(act)
    case 'backup-restore':
      return restoreAct(act)
    case 'backup-delete':
      return deleteAct(act)
    default:
      return undefined
  }
}

function createAct(act: BackupCreateAct): KnownAct {
  const { name, id } = act
  const folder = backupFolder(act.root, name, id)
  return {
    way: direction =>
      direction === 'forward'
        ? `${name} is backed up as ${name}/${id}, anew where that is not whole yet.`
        : `There is no backup ${name}/${id}, and nothing of it on the host.`,
    isOver: async () => false,
    settle: async ({ host, machine }, direction, call) => {
      if (direction === 'forward' && (await isThere(folder))) {
        await verifyBackup(await readBackup(folder), call.signal, call.progress)
        await clear(act, host.host, machine, call)
        return `${name}/${id} is whole.`
      }
      const now = await clear(act, host.host, machine, call)
      await eraseBackup(folder)
      if (direction === 'back') return `There is no backup ${name}/${id}.`
      if (now === undefined) throw noWay(name, direction, `It is not on ${host.name} any more`)
      const { root, quiesce } = act
      const options = { root, id, ...(quiesce !== undefined && { quiesce }) }
      await backupMachine(now, options, call)
      return `${name}/${id} is whole.`
    },
  }
}

/** Ends what is still being copied, lets the guest write again, and removes the copies. Returns the machine as it is then. */
async function clear(
  { name, copies, quiesce }: BackupCreateAct,
  host: Host,
  machine: Machine | undefined,
  call: ActCall,
): Promise<Machine | undefined> {
  const { signal } = call
  let now = machine
  if (machine !== undefined) {
    const { live, view } = machine
    // first of all: a frozen guest is a dead one
    if (live !== undefined && (quiesce ?? view.agent)) await thaw(machine, call)
    now = await untilIdle(machine, call, jobOperations.backup)
  }
  await removeCopies(host, copies, call)
  const left = await copiesThere(host, copies, signal)
  if (left.length > 0)
    throw leftOver(
      name,
      left.map(one => `${one.pool}:${one.name}`),
    )
  return now
}

async function thaw({ host, domain }: Machine, { signal, progress }: ActCall): Promise<void> {
  try {
    await ask(host, procedures.domains.thaw, { domain, mountpoints: [], flags: 0 }, signal)
  } catch {
    // a guest without an agent was not frozen
    signal.throwIfAborted()
    progress('its guest agent does not say whether its file systems are frozen')
  }
}

function restoreAct(act: BackupRestoreAct): KnownAct {
  const { name } = act
  return {
    way: direction =>
      direction === 'forward'
        ? `${name} is made from the backup ${act.folder}${act.choice.start ? ', and started' : ''}.`
        : `${name}, which was being made from the backup ${act.folder}, and its disks are removed.`,
    isOver: async () => false,
    settle: async ({ host, machine }, direction, call) => {
      if (direction === 'back') {
        await removeMade(host.host, act, call.signal)
        return `${name} is not there, and nothing of it is left.`
      }
      const state = await made(act, host, machine, call)
      return `${name} is there from ${act.folder}; it is ${state}.`
    },
  }
}

/** One that is only begun is made anew: nobody can tell how far its disks came. */
async function made(
  act: BackupRestoreAct,
  host: NamedHost,
  machine: Machine | undefined,
  call: ActCall,
): Promise<string> {
  const { signal } = call
  const { name, uuid, folder, choice } = act
  const now = machine && (await untilIdle(machine, call))
  if (now !== undefined && !(await isBegun(now, signal)))
    return settlePower(now, choice.start ? true : undefined, call)
  // without it, what is there of the machine stays until it is said what becomes of it
  const backup = await readBackup(folder)
  await removeMade(host.host, act, signal)
  return (await restoreBackup(host, backup, { ...choice, name, uuid }, call)).state
}

async function isBegun({ host, domain }: Machine, signal: AbortSignal): Promise<boolean> {
  const flags = domainXmlFlags.inactive
  const root = parseXml(await ask(host, procedures.domains.xml, { domain, flags }, signal))
  return readProgress(root) !== undefined
}

function deleteAct(act: BackupDeleteAct): KnownAct {
  const { name, folder } = act
  const settle = async (direction: Direction, call: ActCall) => {
    if (direction === 'forward') {
      await eraseBackup(folder)
      return `There is no backup ${name} any more.`
    }
    await keepBackup(act, call)
    return `The backup ${name} is whole.`
  }
  return {
    way: direction =>
      direction === 'forward'
        ? `The backup ${name} is deleted.`
        : `The backup ${name} stays, where it is still whole.`,
    isOver: async () => !(await isThere(folder)) && !(await isThere(`${folder}${doomed}`)),
    settle: async (_, direction, call) => settle(direction, call),
    settleHere: settle,
  }
}

/** It had another name while it was removed; it gets its own again only where nothing of it is gone. */
async function keepBackup({ name, folder }: BackupDeleteAct, { signal, progress }: ActCall): Promise<void> {
  if (await isThere(folder)) return
  const going = `${folder}${doomed}`
  try {
    await verifyBackup(await readBackup(going), signal, progress)
  } catch (error) {
    // one that cannot be read just now may be whole: that is told as it is
    if (!(error instanceof InfraError) || error.code !== 'backup-broken') throw error
    throw noWay(name, 'back', `It is deleted, in part or whole: ${error.why}`)
  }
  await rename(going, folder)
}
