/** What the commands on virtual clusters share: the stack's host clusters, the lock, and how results and errors are told. */
import { exitCodes, InfraError, InfraErrors } from '../../model/error.js'
import type { Json } from '../../model/value.js'
import { renderError } from '../../report/errors.js'
import { renderYaml } from '../../report/table.js'
import { openSession, type Session } from '../../session/session.js'
import { InfraCommand } from '../base-command.js'
import { requireSettled } from '../run-plan.js'
import { findNamed, type NamedCluster } from './find.js'
import { type ClusterHosts, openClusterHosts } from './hosts.js'

export interface ClusterFlags {
  readonly json: boolean
  readonly verbose: boolean
  readonly yaml: boolean
  readonly stack: string
  readonly host?: string[] | undefined
  readonly namespace?: string | undefined
  readonly var?: string[] | undefined
  readonly 'var-file'?: string[] | undefined
  readonly state?: string | undefined
  readonly 'lock-timeout'?: number | undefined
}

export interface ClusterContext {
  readonly session: Session
  readonly hosts: ClusterHosts
}

export abstract class ClusterCommand extends InfraCommand {
  /** Ctrl-C ends what an act waits for. */
  protected get signal(): AbortSignal {
    return this.stopping.signal
  }

  /**
   * Opens the stack and its host clusters. With `changes` the stack's lock is held meanwhile, and it is refused while an apply
   * is not settled.
   */
  protected async withHosts(
    flags: ClusterFlags,
    options: { readonly changes: boolean },
    work: (context: ClusterContext) => Promise<void>,
  ): Promise<void> {
    const session = await openSession(this.sessionInput(flags, flags.stack))
    this.hide(session.stack.secrets)
    try {
      if (options.changes) {
        await session.lock(this.holder(flags))
        await requireSettled(session)
      }
      const hosts = openClusterHosts(session, flags.host, this.ports)
      try {
        await work({ session, hosts })
      } finally {
        hosts.close()
      }
    } catch (error) {
      // What Ctrl-C broke off is no error of its own.
      if (!this.signal.aborted || error instanceof InfraError || error instanceof InfraErrors) throw error
      this.exitCode = 130
    } finally {
      await session.close()
    }
  }

  /** The one cluster of this name. */
  protected find(
    { session, hosts }: ClusterContext,
    flags: ClusterFlags,
    name: string,
  ): Promise<NamedCluster> {
    return findNamed(session, hosts, name, flags.namespace, this.signal)
  }

  /** Does it on every cluster that is named, all at once, under the lock; one that fails hides no other. */
  protected async actOn<T extends object>(
    flags: ClusterFlags,
    names: readonly string[],
    act: (cluster: NamedCluster, progress: (message: string) => void) => Promise<T>,
    say: (done: T, name: string) => string,
  ): Promise<void> {
    if (names.length === 0) {
      throw new InfraError({
        kind: 'configuration',
        code: 'no-cluster',
        message: 'No virtual cluster was named',
        hint: '`infra cluster list` lists those that are there.',
      })
    }
    await this.withHosts(flags, { changes: true }, async context => {
      const results = await Promise.all(
        [...new Set(names)].map(async name => {
          try {
            const cluster = await this.find(context, flags, name)
            return { name, done: await act(cluster, this.progress(flags, name)) }
          } catch (error) {
            if (error instanceof InfraError || error instanceof InfraErrors) return { name, error }
            throw error
          }
        }),
      )
      const errors = results.flatMap(({ error }) =>
        error === undefined ? [] : error instanceof InfraErrors ? error.errors : [error],
      )
      const data = results.map(({ name, done, error }) =>
        error === undefined
          ? { name, ok: true, ...done }
          : { name, ok: false, error: (error instanceof InfraErrors ? error.errors[0] : error)?.details() },
      )
      this.tell(flags, { results: data }, () =>
        results.flatMap(({ name, done }) => (done === undefined ? [] : [`${say(done, name)}\n`])).join(''),
      )
      this.tellErrors(flags, errors)
    })
  }

  /** Prints data as JSON or YAML where that was asked for, else the text. */
  protected tell(flags: Pick<ClusterFlags, 'json' | 'yaml'>, data: unknown, text: () => string): void {
    if (flags.yaml) process.stdout.write(renderYaml(JSON.parse(JSON.stringify(data)) as Json))
    else this.print({ json: () => data, text })
  }

  /** Tells errors beside a result that was printed, and exits as the first of them says. */
  protected tellErrors(flags: Pick<ClusterFlags, 'json' | 'verbose'>, errors: readonly InfraError[]): void {
    const [first] = errors
    if (first === undefined) return
    if (!flags.json) {
      process.stderr.write(
        renderError(new InfraErrors(errors), { ...this.tableOptions, verbose: flags.verbose }),
      )
    }
    this.exitCode = exitCodes[first.kind]
  }

  /** Progress for people, where nobody parses it. */
  protected progress(flags: Pick<ClusterFlags, 'json' | 'yaml'>, name: string): (message: string) => void {
    return message => {
      if (!flags.json && !flags.yaml) process.stderr.write(`${name}: ${message}\n`)
    }
  }

  /** A terminal that is closed ends an act as Ctrl-C does, so that nothing of it is left behind. */
  protected endWithTerminal(): void {
    process.once('SIGHUP', () => this.stopping.abort(new Error('the terminal was closed')))
  }
}
