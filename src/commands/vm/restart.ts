import { Args, Flags } from '@oclif/core'
import { hostFlags, lockFlags, manyFlags, nameHelp } from '../../cli/hosts/flags.js'
import { MachineCommand } from '../../cli/hosts/machine-command.js'
import { restartMachine } from '../../providers/libvirt/acts/power.js'

export default class VmRestart extends MachineCommand {
  static override summary = 'Stop machines and start them again, so that what waits for a restart counts.'
  static override description =
    'With --drifted those alone that are not as recorded, or that wait for a restart. What differs from the stack is the next apply’s to change.'
  static override examples = ['<%= config.bin %> vm restart web', '<%= config.bin %> vm restart --drifted']
  static override strict = false
  static override args = { names: Args.string({ description: `${nameHelp} Several may be named.` }) }
  static override flags = {
    ...hostFlags,
    ...lockFlags,
    ...manyFlags,
    timeout: Flags.integer({
      min: 0,
      description: 'Seconds that the guest gets to shut down; then it is switched off.',
      helpValue: 'SECONDS',
    }),
    force: Flags.boolean({ description: 'Switch it off at once.', exclusive: ['timeout'] }),
    'no-wait': Flags.boolean({ description: 'Do not wait until it is ready as its document asks.' }),
  }

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(VmRestart)
    const options = {
      noWait: flags['no-wait'],
      ...(flags.force
        ? { timeoutSeconds: 0 }
        : flags.timeout !== undefined && { timeoutSeconds: flags.timeout }),
    }
    await this.actOn(
      flags,
      argv.map(String),
      (machine, call) => restartMachine(machine, options, call),
      (done, { name }) =>
        done.forced ? `${name} did not shut down, was switched off, and runs again.` : `${name} runs again.`,
    )
  }
}
