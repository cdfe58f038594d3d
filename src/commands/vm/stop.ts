import { settleDeclared } from '../../cli/hosts/declared.js'
import {
  severalFlags,
  severalMachines,
  shutdownOptions,
  stopFlags,
  writeFlag,
} from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { type PowerResult, stopMachine } from '../../providers/libvirt/acts/power.js'

export default class VmStop extends MachineCommand {
  static override summary = 'Shut machines down, and switch off those that do not.'
  static override description =
    'The guest is asked to shut down and gets the time that its document says, or a minute.'
  static override examples = [
    '<%= config.bin %> vm stop web',
    '<%= config.bin %> vm stop --all --timeout 120',
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...writeFlag,
    ...stopFlags,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmStop)
    const options = shutdownOptions(flags)
    await this.actOn(
      flags,
      argv.map(String),
      async (machine, call, { session, journal }) => {
        const done = await stopMachine(machine, options, call, journal)
        const values = [{ path: 'powerState', value: 'stopped' }]
        const note = await settleDeclared(session, machine, values, flags.write, this.ports.files)
        return { ...done, ...(note !== undefined && { note }) }
      },
      (done, { name }) => told(endOf(done, name), done.note),
    )
  }
}

function endOf(done: PowerResult, name: string): string {
  if (!done.changed) return `${name} was off already.`
  return done.forced ? `${name} did not shut down and was switched off.` : `${name} is off.`
}
