import {
  noWaitFlag,
  severalFlags,
  severalMachines,
  shutdownOptions,
  stopFlags,
} from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { restartMachine } from '../../providers/libvirt/acts/power.js'

export default class VmRestart extends MachineCommand {
  static override summary = 'Stop machines and start them again, so that what waits for a restart counts.'
  static override description =
    'With --drifted those alone that are not as recorded, or that wait for a restart. What differs from the stack is the next apply’s to change.'
  static override examples = ['<%= config.bin %> vm restart web', '<%= config.bin %> vm restart --drifted']
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...stopFlags,
    ...noWaitFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmRestart)
    const options = {
      noWait: flags['no-wait'],
      ...shutdownOptions(flags),
    }
    await this.actOn(
      flags,
      argv.map(String),
      (machine, call, { journal }) => restartMachine(machine, options, call, journal),
      (done, { name }) =>
        done.forced ? `${name} did not shut down, was switched off, and runs again.` : `${name} runs again.`,
    )
  }
}
