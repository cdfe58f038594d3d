/** Deleting backups, those that are not whole, too. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { InfraError } from '../../../model/error.js'
import { type Backup, broken, findBackup, isThere, listBackups } from './backup-store.js'

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

/** A whole backup, as one to be deleted. */
export function doomedOf({ folder, manifest }: Backup): DoomedBackup {
  return { folder, reference: `${manifest.machine}/${manifest.id}` }
}

/** Removes a backup, all of it, and looks whether it is gone. Renamed first, so that half of one never counts as one. */
export async function deleteBackup({ folder }: Pick<Backup, 'folder'>): Promise<void> {
  const doomed = `${folder}.deleting`
  // of an earlier try that was cut off
  await rm(doomed, { recursive: true, force: true })
  await rename(folder, doomed)
  await rm(doomed, { recursive: true, force: true })
  const left = await Promise.all([folder, doomed].map(isThere))
  if (left.includes(true)) throw broken(folder, 'It was deleted, and something of it is still there')
}
