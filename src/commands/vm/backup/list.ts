import { Args } from '@oclif/core'
import { backupFlags, backupRoot, backupView } from '../../../cli/hosts/backups.js'
import { hostFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { size } from '../../../cli/hosts/size.js'
import { listBackups } from '../../../providers/libvirt/acts/backup-store.js'
import { renderTable } from '../../../report/table.js'

export default class VmBackupList extends HostCommand {
  static override summary = 'List the backups of machines; no host is asked.'
  static override examples = [
    '<%= config.bin %> vm backup list',
    '<%= config.bin %> vm backup list web --json',
  ]
  static override args = { machine: Args.string({ description: 'Only those of this machine.' }) }
  static override flags = { ...hostFlags, ...backupFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmBackupList)
    const home = await this.home(flags)
    const all = (await listBackups(backupRoot(flags.folder, home))).map(backupView)
    const backups = all.filter(one => args.machine === undefined || one.machine === args.machine)
    this.tell(flags, { backups }, () =>
      renderTable(
        backups,
        [
          { title: 'BACKUP', value: one => one.backup, fixed: true },
          { title: 'MADE', value: one => one.at },
          { title: 'HOST', value: one => one.host },
          { title: 'DISKS', value: one => one.disks, right: true },
          { title: 'SIZE', value: one => size(one.bytes), right: true },
          {
            title: 'OF',
            value: one => (one.running ? (one.quiesced ? 'running, frozen' : 'running') : 'off'),
          },
          { title: 'NOT IN IT', value: one => one.missing.join('; ') },
        ],
        { ...this.tableOptions, empty: 'There is no backup.' },
      ),
    )
  }
}
