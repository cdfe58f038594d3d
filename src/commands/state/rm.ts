import { Args, Flags } from '@oclif/core'
import { requireAddress } from '../../cli/address.js'
import { changeFlags, InfraCommand, stackFlags } from '../../cli/base-command.js'
import { forgetRecords } from '../../session/edit-state.js'
import { requireSettled } from '../../session/require.js'
import { openSession } from '../../session/session.js'

export default class StateRm extends InfraCommand {
  static override summary = 'Forget a resource; the real thing is not touched.'
  static override examples = ['<%= config.bin %> state rm VirtualMachine/web']
  static override args = {
    address: Args.string({ description: 'The recorded address.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = {
    ...stackFlags,
    'lock-timeout': changeFlags['lock-timeout'],
    also: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      description: 'Another address to forget.',
      helpValue: 'ADDRESS',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateRm)
    requireAddress(args.address, ...(flags.also ?? []))
    const addresses = [args.address, ...(flags.also ?? [])]
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await session.lock(this.holder(flags))
      await requireSettled(session)
      await session.editState(this.holder(flags).command, state => forgetRecords(state, addresses))
      this.print({
        json: () => ({ forgotten: addresses, serial: session.state?.serial }),
        text: () => `Forgotten: ${addresses.join(', ')}. The real objects are as they were.\n`,
      })
    } finally {
      await session.close()
    }
  }
}
