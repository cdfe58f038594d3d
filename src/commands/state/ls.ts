import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { renderTable } from '../../report/table.js'
import { openSession } from '../../session/session.js'

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
          records.length === 0
            ? 'The state records nothing.\n'
            : renderTable(
                ['ADDRESS', 'NAME', 'CONNECTION', 'REMARK'],
                records.map(one => [
                  one.address,
                  one.name,
                  one.connection,
                  one.tainted
                    ? `tainted: ${one.tainted}`
                    : one.pending
                      ? `waits for a restart: ${one.pending.join(', ')}`
                      : '',
                ]),
                this.tableOptions,
              ),
      })
    } finally {
      await session.close()
    }
  }
}
