import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { objectAt, withWorld } from '../../cli/embedded-world.js'
import { openSession } from '../../session/session.js'

export default class WorldRm extends InfraCommand {
  static override summary = 'Remove an object of the embedded world behind infra’s back, to see drift.'
  static override examples = ['<%= config.bin %> world rm VirtualMachine/web']
  static override args = {
    address: Args.string({ description: 'The resource: Kind/name.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(WorldRm)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await withWorld(session, this.ports, async world =>
        world.remove(objectAt(world, session, args.address)),
      )
      this.print({
        json: () => ({ removed: args.address }),
        text: () => `${args.address} is gone from the embedded world.\n`,
      })
    } finally {
      await session.close()
    }
  }
}
