import { Args, Flags } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { renderTable } from '../../report/table.js'
import { readDriftHistory } from '../../session/drift-history.js'
import { openSession } from '../../session/session.js'

export default class DriftLog extends InfraCommand {
  static override summary = 'Show when each drift was first and last seen.'
  static override description =
    'Every `infra drift` writes what it found into the history; this reads it, and no system.'
  static override examples = ['<%= config.bin %> drift log', '<%= config.bin %> drift log --open']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    open: Flags.boolean({ description: 'Only what is still there.' }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(DriftLog)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const all = await readDriftHistory(this.ports.files, session.stateFolder)
      const shown = flags.open ? all.filter(one => one.gone === undefined) : all
      this.print({
        json: () => shown,
        text: () =>
          renderTable(
            shown,
            [
              {
                title: 'WHAT',
                value: one => (one.path === undefined ? one.subject : `${one.subject} ${one.path}`),
              },
              { title: 'HOW', value: one => one.rule },
              { title: 'FIRST SEEN', value: one => one.first },
              { title: 'LAST SEEN', value: one => one.last },
              { title: 'GONE', value: one => one.gone },
            ],
            { ...this.tableOptions, empty: 'No drift was seen yet.' },
          ),
      })
    } finally {
      await session.close()
    }
  }
}
