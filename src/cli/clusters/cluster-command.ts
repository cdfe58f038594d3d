/** What the commands on virtual clusters share: the stack's host clusters, and several clusters at once. */
import { InfraError, InfraErrors } from '../../model/error.js'
import type { Begin } from '../../providers/vcluster/acts/journaled.js'
import { openSession, type Session } from '../../session/session.js'
import { ActCommand } from '../act-command.js'
import { actLeftOpen } from '../open-acts.js'
import { errorsOf } from '../settling.js'
import { findNamed, type NamedCluster, recordOf, requireNames } from './find.js'
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

export abstract class ClusterCommand extends ActCommand {
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
        await this.lockFor(session, flags)
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

  /** Lets an act on a cluster begin, journaled. Where it does not come to an end that is known, that is told beside its error. */
  protected async journaled<T>(
    { session }: ClusterContext,
    flags: ClusterFlags,
    work: (begin: (cluster: NamedCluster) => Begin) => Promise<T>,
  ): Promise<T> {
    try {
      return await session.act(this.holder(flags).command, begin =>
        work(cluster => act => {
          const { address, connection } = recordOf(cluster)
          return begin({ address, connection, what: { ...act } })
        }),
      )
    } catch (error) {
      const open = await actLeftOpen(session)
      const known = errorsOf(error).length > 0 || this.signal.aborted
      if (open === undefined || !known) throw error
      throw new InfraErrors([...errorsOf(error), open])
    }
  }

  /** Does it on every cluster that is named, all at once, journaled, under the lock; one that fails hides no other. */
  protected async actOn<T extends object>(
    flags: ClusterFlags,
    names: readonly string[],
    act: (cluster: NamedCluster, begin: Begin) => Promise<T>,
    say: (done: T, name: string) => string,
  ): Promise<void> {
    requireNames(names)
    await this.withHosts(flags, { changes: true }, async context => {
      const results = await this.journaled(context, flags, begin =>
        Promise.all(
          [...new Set(names)].map(async name => {
            try {
              const cluster = await this.find(context, flags, name)
              return { name, done: await act(cluster, begin(cluster)) }
            } catch (error) {
              if (error instanceof InfraError || error instanceof InfraErrors) return { name, error }
              throw error
            }
          }),
        ),
      )
      const open = await actLeftOpen(context.session)
      const errors = [...results.flatMap(({ error }) => errorsOf(error)), ...(open ? [open] : [])]
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

  /** A terminal that is closed ends an act as Ctrl-C does, so that nothing of it is left behind. */
  protected endWithTerminal(): void {
    process.once('SIGHUP', () => this.stopping.abort(new Error('the terminal was closed')))
  }
}
