import { Args } from '@oclif/core'
import { InfraCommand, stackFlags } from '../cli/base-command.js'
import { InfraError } from '../model/error.js'
import { openSession } from '../session/session.js'
import { kernelLocker } from '../state/lock.js'

export default class Unlock extends InfraCommand {
  static override summary = 'Tell who holds the lock, and clear what a dead holder left.'
  static override description =
    'The lock is the kernel’s: it ends with its holder, so that nothing has to be broken by hand. A lock is never taken from a live one. With --state, neither stack nor state need be readable.'
  static override examples = ['<%= config.bin %> unlock']
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = stackFlags

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Unlock)
    const session =
      flags.state === undefined ? await openSession(this.sessionInput(flags, args.path)) : undefined
    const folder = flags.state ?? session?.stateFolder ?? ''
    try {
      const { held, note } = await kernelLocker(this.ports.files, folder).unlock()
      if (held) {
        const who = note
          ? `process ${note.pid} on ${note.host} since ${new Date(note.since).toISOString()}: ${note.command}`
          : 'a process that left no note'
        throw new InfraError({
          kind: 'storage',
          code: 'lock-held',
          message: `the lock is held by ${who}`,
          hint: 'Wait for it to end, or end it; the lock goes with it.',
        })
      }
      this.print({
        json: () => ({ held, note: note ?? null }),
        text: () =>
          note ? 'The lock was free; the note of a dead holder is cleared.\n' : 'The lock is free.\n',
      })
    } finally {
      await session?.close()
    }
  }
}
