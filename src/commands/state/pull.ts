import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../../cli/base-command.js'
import { openSession } from '../../session/session.js'

export default class StatePull extends InfraCommand {
  static override summary = 'Print the whole state document as JSON, secrets in clear.'
  static override description =
    'For backups and for other programs. Keep what it prints as safe as the state itself.'
  static override examples = ['<%= config.bin %> state pull > backup.json']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(StatePull)
    const session = await openSession(this.sessionInput(flags, args.path))
    try {
      process.stdout.write(`${JSON.stringify(session.state ?? null, undefined, 2)}\n`)
    } finally {
      await session.close()
    }
  }
}
