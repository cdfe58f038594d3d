/** Deleting backups, those that are not whole, too. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { InfraError } from '../../../model/error.js'
import {
  type Backup,
  broken,
  doomed,
  findBackup,
  isThere,
  listBackups,
  noBackup,
  unfinished,
} from './backup-store.js'
import { type ActJournal, unjournaled } from './journaled.js'
import type { BackupDeleteAct } from './journaled-backup.js'

/** A backup that is to go. */
export interface DoomedBackup {
  readonly folder: string
  /** MACHINE/ID. */
  readonly reference: string
  /** What is wrong with it, where it is not whole. */
  readonly error?: InfraError
}

/**
 * Finds what is to be deleted, as `findBackup` does. One that is not whole is found, too, but only by its own MACHINE/ID: a
 * folder that is named by its path and holds no backup may be anything.
 */
export async function findDoomed(root: string, reference: string): Promise<DoomedBackup> {
  const { broken: notWhole } = await listBackups(root)
  const spoiled = notWhole.find(one => one.reference === reference)
  if (spoiled !== undefined) return { folder: join(root, reference), ...spoiled }
  return doomedOf(await findBackup(root, reference))
}

/**
 * All but the newest so many of each machine, of those that are named or of all. Fails with `no-backup` for a name that no
 * machine with backups has.
 */
export function beyondNewest(
  root: string,
  all: readonly Backup[],
  names: readonly string[],
  keep: number,
): readonly DoomedBackup[] {
  const machines = new Set(all.map(one => one.manifest.machine))
  const unknown = names.find(name => !machines.has(name))
  if (unknown !== undefined) throw noBackup(root, unknown, [...machines])
  const chosen = names.length === 0 ? [...machines] : [...new Set(names)]
  return chosen.flatMap(machine =>
    all
      .filter(one => one.manifest.machine === machine)
      .slice(0, -keep)
      .map(doomedOf),
  )
}

/** A whole backup, as one to be deleted. */
function doomedOf({ folder, manifest }: Backup): DoomedBackup {
  return { folder, reference: `${manifest.machine}/${manifest.id}` }
}

/** Removes a backup, all of it, and looks whether it is gone. Renamed first, so that half of one never counts as one. */
export async function deleteBackup(
  { folder, reference }: { readonly folder: string; readonly reference?: string },
  journal: ActJournal<BackupDeleteAct> = unjournaled,
): Promise<void> {
  await journal.begin({ verb: 'backup-delete', name: reference ?? folder, folder })
  const going = `${folder}${doomed}`
  // of an earlier try that was cut off
  await rm(going, { recursive: true, force: true })
  await rename(folder, going)
  await eraseBackup(folder)
}

/** Removes what is there of a backup that is cut off, whole or half deleted, and looks whether it is gone. */
export async function eraseBackup(folder: string): Promise<void> {
  // no longer a backup before any of it is gone
  if (await isThere(folder)) return deleteBackup({ folder })
  const parts = [`${folder}${unfinished}`, `${folder}${doomed}`]
  for (const part of parts) await rm(part, { recursive: true, force: true })
  const left = await Promise.all([folder, ...parts].map(isThere))
  if (left.includes(true)) throw broken(folder, 'It was deleted, and something of it is still there')
}
