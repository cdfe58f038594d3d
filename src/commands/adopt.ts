import { Args } from '@oclif/core'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand } from '../cli/change-command.js'
import { requireSettled } from '../session/require.js'

export default class Adopt extends ChangeCommand {
  static override summary = 'Take over all that the stack declares, that exists, and that nobody owns.'
  static override description =
    'As infra import does for one. Each object gets infra’s owner tag and is recorded; what differs from its document is in ' +
    'the next plan. What does not exist yet is not made.'
  static override examples = [
    '<%= config.bin %> discover -c qemu:///system -o lab/stack.yaml && <%= config.bin %> adopt lab',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = { ...stackFlags, ...changeFlags }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Adopt)
    const began = this.ports.clock.now()
    const session = await this.openLocked(flags, args.path)
    try {
      await requireSettled(session)
      const observed = await session.observe()
      const strangers = [...session.stack.resources.values()].filter(({ address, managed }) => {
        const found = observed.get(address)
        if (!managed || session.state?.resources[address] || found?.status !== 'present') return false
        // a tag of this very state is of an adoption that was put back
        return !found.owner || found.owner.lineage === session.state?.lineage
      })
      const addresses = strangers.map(one => one.address)
      const result = await this.reading(() => session.plan({ only: new Set(addresses), adopt: addresses }))
      await this.carryOut(session, result, 'Take them over?', flags, began)
    } finally {
      await session.close()
    }
  }
}
