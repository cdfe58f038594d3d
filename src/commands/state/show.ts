import { Args } from '@oclif/core'
import { requireAddress } from '../../cli/address.js'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import type { Json } from '../../model/value.js'
import { maskPaths } from '../../planner/mask.js'
import { renderYaml } from '../../report/yaml.js'
import { recordAt } from '../../session/edit-state.js'
import { openSession } from '../../session/session.js'

export default class StateShow extends InfraCommand {
  static override summary = 'Show what the state records of one resource, secrets masked.'
  static override examples = ['<%= config.bin %> state show VirtualMachine/web']
  static override args = {
    address: Args.string({ description: 'The resource: Kind/name.', required: true }),
    path: Args.string({ description: "The stack's file or folder.", default: '.' }),
  }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateShow)
    requireAddress(args.address)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const record = recordAt(session.state, args.address)
      const shown = { ...record, spec: maskPaths(record.spec, record.sensitive) }
      this.print({ json: () => shown, text: () => renderYaml(shown as unknown as Json) })
    } finally {
      await session.close()
    }
  }
}
