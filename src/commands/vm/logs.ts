import { Flags } from '@oclif/core'
import { hostFlags, oneMachine } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { machineLog } from '../../providers/libvirt/acts/logs.js'

export default class VmLogs extends MachineCommand {
  static override summary = 'Print what the serial console of a machine said.'
  static override description =
    'From the file that libvirt keeps of it, on this host or another, also after the machine has stopped.'
  static override examples = [
    '<%= config.bin %> vm logs web',
    '<%= config.bin %> vm logs web --follow --lines 20',
  ]
  static override args = oneMachine
  static override flags = {
    ...hostFlags,
    follow: Flags.boolean({ char: 'f', description: 'Go on with what it says, until Ctrl-C.' }),
    lines: Flags.integer({
      char: 'n',
      min: 0,
      description: 'Only so many lines of the past.',
      helpValue: 'N',
    }),
    raw: Flags.boolean({ description: 'As it is, with what moves the cursor of a terminal.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmLogs)
    await this.withHosts(flags, { changes: false }, async context => {
      const machine = await this.chooseOne(context, args.name)
      const options = {
        follow: flags.follow,
        raw: flags.raw,
        ...(flags.lines !== undefined && { lines: flags.lines }),
      }
      await machineLog(machine, options, text => void process.stdout.write(text), this.signal)
    })
  }
}
