import { Args, Flags } from '@oclif/core'
import { yesFlag } from '../../../cli/act-flags.js'
import { backupFlags, backupHelp, backupRoot } from '../../../cli/hosts/backups.js'
import { actFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { InfraError } from '../../../model/error.js'
import {
  beyondNewest,
  type DoomedBackup,
  deleteBackup,
  findDoomed,
} from '../../../providers/libvirt/acts/backup-delete.js'
import { listBackups } from '../../../providers/libvirt/acts/backup-store.js'

export default class VmBackupDelete extends HostCommand {
  static override summary = 'Delete backups: those that are named, or all but the newest of each machine.'
  static override description = 'One that is not whole is deleted where it is named as MACHINE/ID.'
  static override examples = [
    '<%= config.bin %> vm backup delete web/20261121T105803Z-1a2b',
    '<%= config.bin %> vm backup delete --keep 7 --yes',
  ]
  static override strict = false
  static override args = { backups: Args.string({ description: `${backupHelp} Several may be named.` }) }
  static override flags = {
    ...actFlags,
    ...backupFlags,
    keep: Flags.integer({
      min: 1,
      description: 'Delete all but the newest so many of each machine (of those that are named, or of all).',
      helpValue: 'N',
    }),
    ...yesFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmBackupDelete)
    const root = backupRoot(flags.folder, await this.home(flags))
    const names = argv.map(String)
    const all = flags.keep === undefined ? undefined : await listBackups(root)
    const doomed =
      all === undefined
        ? await Promise.all(names.map(one => findDoomed(root, one)))
        : beyondNewest(root, all.whole, names, flags.keep ?? 1)
    if (flags.keep === undefined && names.length === 0) {
      throw new InfraError({
        kind: 'configuration',
        code: 'nothing-chosen',
        message: 'It was not said which backups',
        hint: 'Name them, or say --keep N.',
      })
    }
    const list = doomed.map(one => one.reference)
    if (list.length > 0) {
      const told = doomed.map(({ reference, error }) => (error ? `${reference} (not whole)` : reference))
      const question = `Delete ${told.join(', ')}?`
      if (!(await this.agreed(question, flags))) return
    }
    await this.actHere(flags, async act => {
      for (const backup of doomed) await act(journal => deleteBackup(backup, journal))
    })
    this.tell(flags, { deleted: list }, () =>
      list.length === 0
        ? 'There is nothing to delete.\n'
        : `${list.length} deleted.\n${doomed.map(notWhole).join('')}`,
    )
    // one that is not whole is none of those to keep, and stays
    this.tellErrors(flags, all?.broken.map(one => one.error) ?? [])
  }
}

function notWhole({ reference, error }: DoomedBackup): string {
  return error === undefined ? '' : `  ${reference} was not whole: ${error.why}\n`
}
