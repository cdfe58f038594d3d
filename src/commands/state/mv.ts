import { Args } from '@oclif/core'
import { requireAddress } from '../../cli/address.js'
import { changeFlags, InfraCommand, stackFlags } from '../../cli/base-command.js'
import { parseAddress } from '../../model/address.js'
import { moveRecord } from '../../session/edit-state.js'
import { requireSettled } from '../../session/require.js'
import { openSession, type Session } from '../../session/session.js'

export default class StateMv extends InfraCommand {
  static override summary = 'Record a resource under another address.'
  static override description =
    'For a document that was renamed: its object is kept, and the next plan finds it there. The object keeps its name in the ' +
    'system; where that came from the old address, the document needs `metadata.objectName` with the old name, or it is replaced.'
  static override examples = ['<%= config.bin %> state mv VirtualMachine/web VirtualMachine/front']
  static override args = {
    from: Args.string({ description: 'The recorded address.', required: true }),
    to: Args.string({ description: 'The new address, of the same kind.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = { ...stackFlags, 'lock-timeout': changeFlags['lock-timeout'] }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateMv)
    requireAddress(args.from)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await session.lock(this.holder(flags))
      await requireSettled(session)
      await session.editState(this.holder(flags).command, state => moveRecord(state, args.from, args.to))
      this.print({
        json: () => ({ from: args.from, to: args.to, serial: session.state?.serial }),
        text: () => `${args.from} is recorded as ${args.to} now.\n${nameHint(session, args.to)}`,
      })
    } finally {
      await session.close()
    }
  }
}

/** What its document needs, where the object would get another name and be replaced for it. */
function nameHint(session: Session, address: string): string {
  const recorded = session.state?.resources[address]?.name
  const declared = session.stack.resources.get(address)?.name ?? parseAddress(address)?.name
  if (recorded === undefined || declared === recorded) return ''
  return `Its object is still called ${recorded}: write \`objectName: ${recorded}\` in its metadata, or the next plan replaces it.\n`
}
