import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { objectAt, withAssignment, withWorld } from '../../cli/embedded-world.js'
import { openSession } from '../../session/session.js'

export default class WorldSet extends InfraCommand {
  static override summary = 'Change an object of the embedded world behind infra’s back, to see drift.'
  static override examples = ['<%= config.bin %> world set VirtualMachine/web memoryGiB=8']
  static override args = {
    address: Args.string({ description: 'The resource: Kind/name.', required: true }),
    assignment: Args.string({ description: 'PATH=VALUE', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(WorldSet)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      await withWorld(session, this.ports, async world => {
        const object = objectAt(world, session, args.address)
        await world.put({ ...object, spec: withAssignment(object.spec, args.assignment) })
      })
      this.print({
        json: () => ({ address: args.address, set: args.assignment }),
        text: () => `${args.address} in the embedded world: ${args.assignment}\n`,
      })
    } finally {
      await session.close()
    }
  }
}
