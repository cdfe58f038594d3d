import { Args } from '@oclif/core'
import { backupFlags, backupHelp, backupRoot } from '../../../cli/hosts/backups.js'
import { hostFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { size } from '../../../cli/hosts/size.js'
import { InfraError } from '../../../model/error.js'
import { findBackup, listBackups, verifyBackup } from '../../../providers/libvirt/acts/backup-store.js'

export default class VmBackupVerify extends HostCommand {
  static override summary = 'Read backups back: every byte against its sum, every disk by its header.'
  static override description = 'All backups where none is named. Exits 5 where one is not whole.'
  static override examples = ['<%= config.bin %> vm backup verify', '<%= config.bin %> vm backup verify web']
  static override strict = false
  static override args = { backups: Args.string({ description: `${backupHelp} Several may be named.` }) }
  static override flags = { ...hostFlags, ...backupFlags }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmBackupVerify)
    const root = backupRoot(flags.folder, await this.home(flags))
    const { whole: backups, broken } =
      argv.length === 0
        ? await listBackups(root)
        : {
            whole: await Promise.all(argv.map(reference => findBackup(root, String(reference)))),
            broken: [],
          }
    const results: { readonly backup: string; readonly bytes?: number; readonly error?: InfraError }[] =
      broken.map(({ reference, error }) => ({ backup: reference, error }))
    for (const one of backups) {
      const backup = `${one.manifest.machine}/${one.manifest.id}`
      try {
        results.push({ backup, bytes: (await verifyBackup(one, this.signal)).bytes })
      } catch (error) {
        if (!(error instanceof InfraError)) throw error
        results.push({ backup, error })
      }
    }
    const data = results.map(({ backup, bytes, error }) => ({
      backup,
      whole: error === undefined,
      ...(bytes !== undefined && { bytes }),
      ...(error && { error: error.details() }),
    }))
    this.tell(flags, { backups: data }, () => {
      const whole = results.filter(one => one.error === undefined)
      if (results.length === 0) return 'There is no backup.\n'
      return whole.map(one => `${one.backup}: whole, ${size(one.bytes)}\n`).join('')
    })
    this.tellErrors(
      flags,
      results.flatMap(one => one.error ?? []),
    )
  }
}
