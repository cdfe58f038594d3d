import { Args } from '@oclif/core'
import { requireAddress } from '../cli/address.js'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { requireSettled } from '../session/require.js'

export default class Import extends ChangeCommand {
  static override summary = 'Take an existing object over as a resource of the stack.'
  static override description =
    'Its document must be in the stack. The object gets infra’s owner tag and is recorded; nothing else of it changes. ' +
    'What differs from the document is in the next plan.'
  static override examples = ['<%= config.bin %> import VirtualMachine/web web']
  static override args = {
    address: Args.string({ description: 'The resource: Kind/name.', required: true }),
    id: Args.string({ description: 'The name of the existing object in the system below.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = { ...stackFlags, ...changeFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Import)
    requireAddress(args.address)
    const began = this.ports.clock.now()
    const session = await this.openLocked(flags, args.path)
    try {
      await requireSettled(session)
      const result = await this.reading(() => session.planImport(args.address, args.id))
      await this.carryOut(session, result, 'Take it over?', flags, began)
    } finally {
      await session.close()
    }
  }
}
