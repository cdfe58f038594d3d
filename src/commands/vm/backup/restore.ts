import { Args, Flags } from '@oclif/core'
import { backupFlags, backupHelp, backupRoot } from '../../../cli/hosts/backups.js'
import { actFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { restoreBackup } from '../../../providers/libvirt/acts/backup-restore.js'
import { findBackup } from '../../../providers/libvirt/acts/backup-store.js'

export default class VmBackupRestore extends HostCommand {
  static override summary = 'Make a machine from a backup: under its own name, or as another machine.'
  static override description =
    'Under its own name, which must be free, it comes back with its UUID and addresses and is the stack’s again. Under another ' +
    'name it gets a UUID and addresses of its own and belongs to no stack. Nothing is written over.'
  static override examples = [
    '<%= config.bin %> vm backup restore web',
    '<%= config.bin %> vm backup restore web/20261121T105803Z-1a2b --as web-copy --start',
  ]
  static override args = { backup: Args.string({ description: backupHelp, required: true }) }
  static override flags = {
    ...actFlags,
    ...backupFlags,
    as: Flags.string({ description: 'Name of the machine; its own by default.', helpValue: 'NAME' }),
    pool: Flags.string({ description: 'Pool for its disks; each its own by default.', helpValue: 'POOL' }),
    start: Flags.boolean({ description: 'Start it.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmBackupRestore)
    await this.withHosts(flags, { changes: true }, async context => {
      const backup = await findBackup(backupRoot(flags.folder, context.home), args.backup)
      const named = context.hosts.open.find(one => one.name === backup.manifest.host)
      const host = flags.host === undefined && named !== undefined ? named : this.oneHost(context)
      const progress = this.progress(flags)
      const options = {
        start: flags.start,
        ...(flags.as !== undefined && { name: flags.as }),
        ...(flags.pool !== undefined && { pool: flags.pool }),
      }
      const call = {
        signal: this.signal,
        progress: (message: string) => progress(flags.as ?? backup.manifest.machine, message),
      }
      const done = await this.actOnHost(context, flags, host, journal =>
        restoreBackup(host, backup, options, call, journal),
      )
      this.tell(flags, done, () => {
        const remarks = done.remarks.map(one => `  ${one}\n`).join('')
        return `${done.name} is there again from ${done.from}; it is ${done.state}.\n${remarks}`
      })
    })
  }
}
