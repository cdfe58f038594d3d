import { dirname, resolve } from 'node:path'
import { Args } from '@oclif/core'
import { backupFlags, backupHelp, backupRoot } from '../../../cli/hosts/backups.js'
import { hostFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { exportBackup } from '../../../providers/libvirt/acts/backup-export.js'
import { findBackup } from '../../../providers/libvirt/acts/backup-store.js'

export default class VmBackupExport extends HostCommand {
  static override summary = 'Pack a backup into one tar file, to be kept elsewhere.'
  static override description =
    'It is read back first, and the tar file after it. Unpacked, it is a backup again: `tar xf FILE`, then `vm backup restore FOLDER`.'
  static override examples = ['<%= config.bin %> vm backup export web /mnt/usb/web.tar']
  static override args = {
    backup: Args.string({ description: backupHelp, required: true }),
    file: Args.string({ description: 'The tar file; it must not be there yet.', required: true }),
  }
  static override flags = { ...hostFlags, ...backupFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmBackupExport)
    const root = backupRoot(flags.folder, await this.home(flags))
    const backup = await findBackup(root, args.backup)
    const file = resolve(args.file)
    await this.ports.files.makeFolder(dirname(file))
    const done = await exportBackup(backup, file, this.signal)
    this.tell(flags, done, () => `${done.file}: ${done.bytes} bytes, sha256 ${done.sha256}\n`)
  }
}
