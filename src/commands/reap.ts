import { Args, Flags } from '@oclif/core'
import { hostFlag } from '../cli/act-flags.js'
import { changeFlags, stackFlags } from '../cli/base-command.js'
import { ChangeCommand, type ChangeFlags } from '../cli/change-command.js'
import { type Look, lookForExpired } from '../cli/clusters/expired.js'
import { spanOf } from '../cli/clusters/flags.js'
import { openClusterHosts, unreachable } from '../cli/clusters/hosts.js'
import { exitCodes, InfraError, InfraErrors } from '../model/error.js'
import { leftInWords } from '../providers/vcluster/expiry.js'
import { renderError } from '../report/errors.js'
import { renderTable } from '../report/table.js'
import { requireSettled } from '../session/require.js'
import { openSession, type Session } from '../session/session.js'

interface ReapFlags extends ChangeFlags {
  readonly verbose: boolean
  readonly host?: string[] | undefined
  readonly 'dry-run': boolean
  readonly dependents: boolean
}

export default class Reap extends ChangeCommand {
  static override summary = 'Delete the virtual clusters whose time to live has ended.'
  static override description =
    'Deletes as `infra destroy` does: with a plan, a journal and a read that proves it; `infra rollback` brings a cluster back. ' +
    'What is protected stays, and so does what something else in the stack needs. Only this stack’s own clusters are touched. ' +
    'The next apply makes what its documents still declare.'
  static override examples = [
    '<%= config.bin %> reap --dry-run',
    '<%= config.bin %> reap --yes',
    '<%= config.bin %> reap --watch --every 5m --yes',
  ]
  static override args = { path: Args.string({ description: "The stack's file or folder.", default: '.' }) }
  static override flags = {
    ...stackFlags,
    ...changeFlags,
    ...hostFlag,
    'dry-run': Flags.boolean({ description: 'Only tell what has expired and what would become of it.' }),
    watch: Flags.boolean({ description: 'Go on until Ctrl-C.' }),
    every: Flags.string({
      description: 'How often to look with --watch.',
      default: '1m',
      helpValue: 'SPAN',
    }),
    dependents: Flags.boolean({
      description: 'Also delete what needs an expired cluster; otherwise such a cluster stays.',
    }),
  }

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Reap)
    const every = spanOf('--every', flags.every) * 1000
    if (!flags.watch) {
      await this.#once(flags, args.path)
      return
    }
    if (!flags.yes && !flags['dry-run']) {
      throw new InfraError({
        kind: 'configuration',
        code: 'nobody-to-ask',
        message: 'a watch asks nobody',
        hint: 'Say --yes to let it delete, or --dry-run to let it tell.',
      })
    }
    await this.#watch(flags, args.path, every)
  }

  /** What fails for a while (a host, a lock) is told and tried again; what is wrong with the call ends it. */
  async #watch(flags: ReapFlags, path: string, every: number): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      try {
        await this.#once(flags, path)
      } catch (error) {
        const errors = error instanceof InfraErrors ? error.errors : [error]
        const lasting = errors.some(one => !(one instanceof InfraError) || one.kind === 'configuration')
        if (signal.aborted) break
        if (lasting) throw error
        this.#tellErrors(flags, errors as readonly InfraError[])
      }
      // Ctrl-C ends the wait
      await this.ports.clock.sleep(every, signal).catch(() => undefined)
    }
    this.exitCode = 0
  }

  async #once(flags: ReapFlags, path: string): Promise<void> {
    const began = this.ports.clock.now()
    const session = await openSession(this.sessionInput(flags, path))
    const first = await this.#look(session, flags).finally(() => session.close())
    if (flags['dry-run'] || first.due.size === 0) {
      this.#tell(flags, first)
      this.#tellErrors(
        flags,
        first.down.map(one => one.error),
      )
      return
    }
    const locked = await this.openLocked(flags, path)
    try {
      await requireSettled(locked)
      // What was extended meanwhile is not deleted.
      const look = await this.#look(locked, flags)
      this.#tell(flags, look)
      if (look.due.size > 0) {
        const result = await locked.plan({ mode: 'destroy', only: look.due })
        await this.carryOut(locked, result, 'Delete what has expired?', flags, began)
      }
      this.#tellErrors(
        flags,
        look.down.map(one => one.error),
      )
    } finally {
      await locked.close()
    }
  }

  async #look(session: Session, flags: ReapFlags): Promise<Look> {
    const hosts = openClusterHosts(session, flags.host, this.ports)
    try {
      return await lookForExpired(session, hosts, flags, this.abort.signal)
    } finally {
      hosts.close()
    }
  }

  /** With `--json` one line, as the progress of an apply is. */
  #tell(flags: ReapFlags, { clusters, due, down }: Look): void {
    if (flags.json) {
      const told = { type: 'reap', clusters, due: [...due].sort(), unreachable: unreachable(down) }
      process.stdout.write(`${JSON.stringify(told)}\n`)
      return
    }
    process.stdout.write(
      renderTable(
        clusters,
        [
          { title: 'HOST', value: one => one.connection },
          { title: 'NAME', value: one => one.name, fixed: true },
          { title: 'NAMESPACE', value: one => one.namespace },
          { title: 'TIME TO LIVE', value: one => leftInWords(one.left ?? 0), fixed: true },
          { title: 'REAPED', value: one => (one.kept === undefined ? 'yes' : `no: ${one.kept}`) },
        ],
        {
          ...this.tableOptions,
          empty: down.length > 0 ? 'Nothing has expired on hosts that answered.' : 'Nothing has expired.',
        },
      ),
    )
  }

  #tellErrors(flags: ReapFlags, errors: readonly InfraError[]): void {
    const [first] = errors
    if (first === undefined) return
    if (flags.json)
      process.stdout.write(
        `${JSON.stringify({ type: 'errors', errors: errors.map(one => one.details()) })}\n`,
      )
    else
      process.stderr.write(
        renderError(new InfraErrors(errors), { ...this.tableOptions, verbose: flags.verbose }),
      )
    this.exitCode = exitCodes[first.kind]
  }
}
