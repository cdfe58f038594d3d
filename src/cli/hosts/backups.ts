/** Where backups are, and how the commands show them. */
import { join, resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { ErrorDetails } from '../../model/error.js'
import type { Backup, Backups } from '../../providers/libvirt/acts/backup-store.js'

export const backupFlags = {
  folder: Flags.string({
    description: "Folder of the backups; `backups` in the state's folder by default.",
    helpValue: 'FOLDER',
  }),
}

export const backupHelp = 'MACHINE/ID, MACHINE for its newest, or the folder of a backup.'

/** The folder of backups: the one that a flag names, or `backups` below `home`. */
export function backupRoot(folder: string | undefined, home: string): string {
  return folder === undefined ? join(home, 'backups') : resolve(folder)
}

export interface BackupView {
  readonly backup: string
  readonly machine: string
  readonly at: string
  readonly host: string
  readonly disks: number
  readonly bytes: number
  readonly running: boolean
  readonly quiesced: boolean
  readonly missing: readonly string[]
  readonly folder: string
}

/** A backup as `--json` and tables tell it. */
export function backupView({ folder, manifest }: Backup): BackupView {
  const { machine, id, at, host, disks, running, quiesced, missing } = manifest
  return {
    backup: `${machine}/${id}`,
    machine,
    at,
    host,
    disks: disks.length,
    bytes: disks.reduce((sum, disk) => sum + disk.bytes, 0),
    running,
    quiesced,
    missing,
    folder,
  }
}

/** A backup that cannot be read, with why. */
export function brokenView({ reference, error }: Backups['broken'][number]): {
  readonly backup: string
  readonly error: ErrorDetails
} {
  return { backup: reference, error: error.details() }
}
