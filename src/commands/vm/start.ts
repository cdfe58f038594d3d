import { settleDeclared } from '../../cli/hosts/declared.js'
import { noWaitFlag, severalFlags, severalMachines, writeFlag } from '../../cli/hosts/flags.js'
import { MachineCommand, told } from '../../cli/hosts/machine-command.js'
import { startMachine } from '../../providers/libvirt/acts/power.js'

export default class VmStart extends MachineCommand {
  static override summary = 'Start machines, and wait until they are ready.'
  static override description =
    'A paused machine goes on, a saved one is brought back with its memory. Readiness is what its document asks for.'
  static override examples = [
    '<%= config.bin %> vm start web db',
    '<%= config.bin %> vm start --selector role=web',
  ]
  static override strict = false
  static override args = severalMachines
  static override flags = {
    ...severalFlags,
    ...writeFlag,
    ...noWaitFlag,
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmStart)
    const options = { noWait: flags['no-wait'] }
    await this.actOn(
      flags,
      argv.map(String),
      async (machine, call, { session, journal }) => {
        const done = await startMachine(machine, options, call, journal)
        const values = [{ path: 'powerState', value: 'running' }]
        const note = await settleDeclared(session, machine, values, flags.write, this.ports.files)
        return { ...done, ...(note !== undefined && { note }) }
      },
      (done, { name }) => told(done.changed ? `${name} runs.` : `${name} ran already.`, done.note),
    )
  }
}
