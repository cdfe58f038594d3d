/** Acts on backups as a journal tells them. */
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import { areVolumes, type MachineAct, type VolumeName } from './journaled.js'
import type { MadeMachine } from './made-machine.js'

export interface BackupCreateAct extends MachineAct {
  readonly verb: 'backup-create'
  /** Folder of all backups, and the one's id. */
  readonly root: string
  readonly id: string
  /** Copies of its disks that are made on the host meanwhile; none of them was there before. */
  readonly copies: readonly VolumeName[]
  readonly quiesce?: boolean
}

/** No machine of its name or UUID was there before. */
export interface BackupRestoreAct extends MachineAct, MadeMachine {
  readonly verb: 'backup-restore'
  readonly uuid: string
  /** Folder of the backup. */
  readonly folder: string
  readonly choice: { readonly pool?: string; readonly start?: boolean }
}

/** On the disk of who made it alone: no host is asked. */
export interface BackupDeleteAct extends MachineAct {
  readonly verb: 'backup-delete'
  /** MACHINE/ID. */
  readonly name: string
  readonly folder: string
}

export type BackupAct = BackupCreateAct | BackupRestoreAct | BackupDeleteAct

/** The act of a journal's record; undefined for what this version does not know. */
export function readBackupAct(what: Attributes): BackupAct | undefined {
  const { verb, name, uuid, root, id, folder, copies, volumes, logs, choice } = what
  const areTexts = (...values: readonly (Json | undefined)[]) =>
    values.every(one => typeof one === 'string' && one !== '')
  const whole =
    (verb === 'backup-create' && areTexts(root, id) && areVolumes(copies)) ||
    (verb === 'backup-restore' &&
      areTexts(uuid, folder) &&
      areVolumes(volumes) &&
      Array.isArray(logs) &&
      areTexts(...logs) &&
      isObject(choice)) ||
    (verb === 'backup-delete' && areTexts(name, folder))
  return whole ? (what as unknown as BackupAct) : undefined
}
