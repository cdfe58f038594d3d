import { Args } from '@oclif/core'
import { backupFlags, backupRoot, backupView, brokenView } from '../../../cli/hosts/backups.js'
import { hostFlags } from '../../../cli/hosts/flags.js'
import { HostCommand } from '../../../cli/hosts/host-command.js'
import { size } from '../../../cli/hosts/size.js'
import { listBackups } from '../../../providers/libvirt/acts/backup-store.js'
import { renderTable } from '../../../report/table.js'

export default class VmBackupList extends HostCommand {
  static override summary = 'List the backups of machines; no host is asked.'
  static override description = 'Exits 5 where one is not whole: it is told, and the others are listed.'
  static override examples = [
    '<%= config.bin %> vm backup list',
    '<%= config.bin %> vm backup list web --json',
  ]
  static override args = { machine: Args.string({ description: 'Only those of this machine.' }) }
  static override flags = { ...hostFlags, ...backupFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmBackupList)
    const home = await this.home(flags)
    const { whole, broken: notWhole } = await listBackups(backupRoot(flags.folder, home))
    const isWanted = (machine: string | undefined) => args.machine === undefined || machine === args.machine
    const backups = whole.map(backupView).filter(one => isWanted(one.machine))
    const broken = notWhole.filter(one => isWanted(one.reference.split('/')[0]))
    this.tell(flags, { backups, broken: broken.map(brokenView) }, () =>
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
        {
          ...this.tableOptions,
          empty: broken.length > 0 ? 'There is no whole backup.' : 'There is no backup.',
        },
      ),
    )
    this.tellErrors(
      flags,
      broken.map(one => one.error),
    )
  }
}
