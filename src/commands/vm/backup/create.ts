import { Flags } from '@oclif/core'
import { backupFlags, backupRoot, backupView } from '../../../cli/hosts/backups.js'
import { severalFlags, severalMachines } from '../../../cli/hosts/flags.js'
import { MachineCommand } from '../../../cli/hosts/machine-command.js'
import { size } from '../../../cli/hosts/size.js'
import { backupMachine } from '../../../providers/libvirt/acts/backup.js'

export default class VmBackupCreate extends MachineCommand {
  static override summary =
    'Back machines up: all disks, the definition, the UEFI variables; read back before it counts.'
  static override description =
    'Machines may run: QEMU copies all disks as of one moment, for which the guest freezes its file systems where its agent ' +
    'answers. A backup stands alone: it needs neither images nor snapshots. The state of a TPM is not in it.'
  static override examples = [
    '<%= config.bin %> vm backup create web',
    '<%= config.bin %> vm backup create --all --folder /mnt/backups',
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...backupFlags,
    quiesce: Flags.boolean({
      allowNo: true,
      description: 'Whether the guest must freeze its file systems meanwhile; if it can, by default.',
    }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmBackupCreate)
    await this.actOn(
      flags,
      argv.map(String),
      async (machine, call, { home, journal }) => {
        const options = {
          root: backupRoot(flags.folder, home),
          ...(flags.quiesce !== undefined && { quiesce: flags.quiesce }),
        }
        return backupView(await backupMachine(machine, options, call, journal))
      },
      done => {
        const missing = done.missing.map(one => `\n  Not in it: ${one}`).join('')
        return `${done.backup}: ${done.disks} disks, ${size(done.bytes)}, read back.${missing}`
      },
    )
  }
}
