import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { renderTable } from '../../report/table.js'
import { openSession } from '../../session/session.js'
import type { ResourceRecord } from '../../state/document.js'

export default class StateLs extends InfraCommand {
  static override summary = 'List what the state records.'
  static override examples = ['<%= config.bin %> state ls']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StateLs)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const records = Object.values(session.state?.resources ?? {}).sort((a, b) =>
        a.address < b.address ? -1 : 1,
      )
      this.print({
        json: () =>
          records.map(({ address, name, connection, identity, tainted, pending }) => ({
            address,
            name,
            connection,
            identity,
            ...(tainted && { tainted }),
            ...(pending && { pending }),
          })),
        text: () =>
          renderTable(
            records,
            [
              { title: 'ADDRESS', value: one => one.address, fixed: true },
              { title: 'NAME', value: one => one.name },
              { title: 'CONNECTION', value: one => one.connection },
              { title: 'REMARK', value: remark },
            ],
            { ...this.tableOptions, empty: 'The state records nothing.' },
          ),
      })
    } finally {
      await session.close()
    }
  }
}

function remark({ tainted, pending }: ResourceRecord): string {
  if (tainted) return `tainted: ${tainted}`
  return pending ? `waits for a restart: ${pending.join(', ')}` : ''
}
