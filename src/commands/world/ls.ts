import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { withWorld } from '../../cli/embedded-world.js'
import { renderTable } from '../../report/table.js'
import { openSession } from '../../session/session.js'

export default class WorldLs extends InfraCommand {
  static override summary = 'List the objects of the embedded world.'
  static override examples = ['<%= config.bin %> world ls']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(WorldLs)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const objects = await withWorld(session, this.ports, async world => [...world.all()])
      this.print({
        json: () =>
          objects.map(({ kind, name, identity, trash, incomplete }) => ({
            kind,
            name,
            identity,
            trash,
            incomplete,
          })),
        text: () =>
          renderTable(
            objects,
            [
              { title: 'KIND', value: one => one.kind },
              { title: 'NAME', value: one => one.name },
              { title: 'OWNER', value: one => one.owner?.address },
              {
                title: 'REMARK',
                value: one =>
                  one.trash ? 'deleted, kept for a rollback' : one.incomplete ? 'half made' : '',
              },
            ],
            { ...this.tableOptions, empty: 'The embedded world is empty.' },
          ),
      })
    } finally {
      await session.close()
    }
  }
}
