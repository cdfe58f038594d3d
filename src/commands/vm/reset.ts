import { noWaitFlag, severalFlags, severalMachines } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { resetMachine } from '../../providers/libvirt/acts/power.js'

export default class VmReset extends MachineCommand {
  static override summary = 'Press the reset button of machines; their guests are not asked.'
  static override description =
    'Unwritten data of the guest is lost. Stored changes that wait for a restart do not count yet: that takes `vm restart`.'
  static override examples = ['<%= config.bin %> vm reset web']
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...noWaitFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmReset)
    const options = { noWait: flags['no-wait'] }
    await this.actOn(
      flags,
      argv.map(String),
      (machine, call, { journal }) => resetMachine(machine, options, call, journal),
      (_, { name }) => `${name} was reset.`,
    )
  }
}
