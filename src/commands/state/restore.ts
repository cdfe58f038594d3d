import { Args } from '@oclif/core'
import { changeFlags, InfraCommand, stackFlags } from '../../cli/base-command.js'
import { InfraError } from '../../model/error.js'
import { openRestorer } from '../../session/session.js'

export default class StateRestore extends InfraCommand {
  static override summary =
    'Make an earlier generation of the state the state again; without a serial, list them.'
  static override description =
    'For a state file that is broken or was lost. What is there now is kept aside. The real systems are not touched: plan afterwards.'
  static override examples = ['<%= config.bin %> state restore', '<%= config.bin %> state restore 41']
  static override args = {
    serial: Args.integer({ description: 'The serial of the generation.' }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = { ...stackFlags, 'lock-timeout': changeFlags['lock-timeout'] }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateRestore)
    const restorer = await openRestorer(this.sessionInput(flags, args.path))
    if (args.serial === undefined) {
      const serials = await restorer.generations()
      this.print({
        json: () => ({ generations: serials }),
        text: () =>
          serials.length === 0 ? 'There are no earlier generations.\n' : `${serials.join('\n')}\n`,
      })
      return
    }
    if (args.serial < 1) {
      throw new InfraError({
        kind: 'configuration',
        code: 'bad-serial',
        message: `${args.serial} is no serial of a state`,
        hint: '`infra state restore` lists the generations.',
      })
    }
    const state = await restorer.restore(args.serial, this.holder(flags))
    this.print({
      json: () => ({ restored: args.serial, serial: state.serial }),
      text: () =>
        `The state is that of serial ${args.serial} again, under serial ${state.serial}. Next: infra plan.\n`,
    })
  }
}
