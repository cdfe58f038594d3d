import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { InfraErrors } from '../../model/error.js'
import { renderTable } from '../../report/table.js'
import { openSession } from '../../session/session.js'

export default class CheckpointLs extends InfraCommand {
  static override summary = 'List the points that the stack can be put back to.'
  static override examples = ['<%= config.bin %> checkpoint ls']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(CheckpointLs)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      const { checkpoints, broken } = await session.checkpoints()
      this.print({
        json: () =>
          checkpoints.map(({ id, at, before, after, command, summary, kept }) => ({
            id,
            at: new Date(at).toISOString(),
            before,
            after,
            command,
            summary,
            kept: kept.map(one => one.address),
          })),
        text: () =>
          renderTable(
            checkpoints,
            [
              { title: 'CHECKPOINT', value: one => one.id.slice(0, 8), fixed: true },
              { title: 'WHEN', value: one => new Date(one.at).toISOString().replace(/\.\d+Z$/, 'Z') },
              { title: 'SERIAL', value: one => `${one.before} → ${one.after}` },
              { title: 'DID', value: one => one.summary },
              { title: 'KEEPS', value: one => (one.kept.length === 0 ? '' : `${one.kept.length} deleted`) },
            ],
            {
              ...this.tableOptions,
              empty: 'There are no checkpoints: nothing was applied yet, or all were pruned.',
            },
          ),
      })
      if (broken.length > 0) throw new InfraErrors(broken)
    } finally {
      await session.close()
    }
  }
}
