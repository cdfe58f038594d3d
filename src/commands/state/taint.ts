import { Args, Flags } from '@oclif/core'
import { requireAddress } from '../../cli/address.js'
import { changeFlags, InfraCommand, stackFlags } from '../../cli/base-command.js'
import { taintRecord } from '../../session/edit-state.js'
import { requireSettled } from '../../session/require.js'
import { openSession } from '../../session/session.js'

export default class StateTaint extends InfraCommand {
  static override summary = 'Mark a resource to be replaced by the next apply, or take the mark away.'
  static override examples = [
    '<%= config.bin %> state taint VirtualMachine/web',
    '<%= config.bin %> state taint --undo VirtualMachine/web',
  ]
  static override args = {
    address: Args.string({ description: 'The recorded address.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = {
    ...stackFlags,
    'lock-timeout': changeFlags['lock-timeout'],
    undo: Flags.boolean({ description: 'Take the mark away.' }),
    why: Flags.string({
      description: 'The reason, which the plan shows.',
      default: 'marked by hand',
      helpValue: 'TEXT',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateTaint)
    requireAddress(args.address)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await session.lock(this.holder(flags))
      await requireSettled(session)
      await session.editState(this.holder(flags).command, state =>
        taintRecord(state, args.address, flags.undo ? undefined : flags.why),
      )
      const now = flags.undo ? 'is no longer tainted' : 'is tainted: the next apply replaces it'
      this.print({
        json: () => ({ address: args.address, tainted: !flags.undo, serial: session.state?.serial }),
        text: () => `${args.address} ${now}.\n`,
      })
    } finally {
      await session.close()
    }
  }
}
