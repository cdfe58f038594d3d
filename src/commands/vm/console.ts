import { Flags } from '@oclif/core'
import { hostFlags, oneMachine } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { attachConsole } from '../../providers/libvirt/acts/console.js'

export default class VmConsole extends MachineCommand {
  static override summary = 'Sit at the serial console of a machine; Ctrl-] leaves.'
  static override description = 'Only who has it open sees what it says; `vm logs` tells what it said before.'
  static override examples = ['<%= config.bin %> vm console web']
  static override args = oneMachine
  static override flags = {
    ...hostFlags,
    force: Flags.boolean({ description: 'Take it from whoever has it open.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(VmConsole)
    await this.withHosts(flags, { changes: false }, async context => {
      const machine = await this.chooseOne(context, args.name)
      const terminal = { input: process.stdin, output: process.stdout }
      if (process.stdin.isTTY) process.stderr.write(`Console of ${machine.view.name}. Ctrl-] leaves.\r\n`)
      const end = await attachConsole(machine, { force: flags.force }, terminal, this.signal)
      if (process.stdin.isTTY)
        process.stderr.write(
          end === 'left' ? '\r\nLeft the console.\n' : '\r\nThe console was closed by the other side.\n',
        )
    })
  }
}
