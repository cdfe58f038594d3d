/** What the commands share that work on a Ceph cluster: the stack's connection or a ceph.conf, the lock, the output. */
import { resolve } from 'node:path'
import { InfraError } from '../../model/error.js'
import type { Attributes, Json } from '../../model/value.js'
import type { Call } from '../../providers/provider.js'
import { gibibytes } from '../../report/text.js'
import { renderYaml } from '../../report/yaml.js'
import { requireSettled } from '../../session/require.js'
import { openSession, type Session } from '../../session/session.js'
import { ChangeCommand } from '../change-command.js'
import { orNoStack } from '../no-stack.js'

export interface ClusterFlags {
  readonly json: boolean
  readonly yaml: boolean
  readonly stack: string
  readonly conf?: string | undefined
  readonly cluster?: string | undefined
  readonly var?: string[] | undefined
  readonly 'var-file'?: string[] | undefined
  readonly state?: string | undefined
  readonly 'lock-timeout'?: number | undefined
}

type Acts = typeof import('../../providers/ceph/acts/index.js')
export type Cluster = Awaited<ReturnType<Acts['openForActs']>>

/** The stack whose connection is used. */
export interface OfStack {
  readonly session: Session
  readonly connection: string
}

export abstract class ClusterCommand extends ChangeCommand {
  /** Ctrl-C ends what an act waits for. */
  protected get options(): { readonly signal: AbortSignal } {
    return { signal: this.stopping.signal }
  }

  /** Opens the cluster. With `changes` the stack's lock is held meanwhile; it is refused while an apply is not settled. */
  protected async withCluster(
    flags: ClusterFlags,
    access: { readonly changes: boolean },
    work: (cluster: Cluster, acts: Acts, stack: OfStack | undefined) => Promise<void>,
  ): Promise<void> {
    const session = flags.conf === undefined ? await this.#session(flags, access.changes) : undefined
    try {
      if (session !== undefined && access.changes) await requireSettled(session)
      const connection = session === undefined ? undefined : chosen(session, flags.cluster)
      const place = session && connection ? placeOf(session, connection) : named(flags.conf ?? '')
      const acts = await import('../../providers/ceph/acts/index.js')
      const { signal } = this.options
      const cluster = await acts.openForActs(place, process.env, this.ports, signal)
      try {
        await work(cluster, acts, session && connection && { session, connection: connection.name })
      } finally {
        await cluster.connection.close()
      }
    } finally {
      await session?.close()
    }
  }

  /** What an act is called with: progress goes to people, where nobody parses it. */
  protected call(flags: ClusterFlags): Call {
    return {
      ...this.options,
      keep: async () => undefined,
      progress: message => {
        if (!flags.json && !flags.yaml) process.stderr.write(`${message}\n`)
      },
    }
  }

  /** Prints data as JSON or YAML where that was asked for, else the text. */
  protected tell(flags: ClusterFlags, data: unknown, text: () => string): void {
    if (flags.yaml) process.stdout.write(renderYaml(JSON.parse(JSON.stringify(data)) as Json))
    else this.print({ json: () => data, text })
  }

  async #session(flags: ClusterFlags, changes: boolean): Promise<Session> {
    try {
      return changes
        ? await this.openLocked(flags, flags.stack)
        : await openSession(this.sessionInput(flags, flags.stack))
    } catch (error) {
      throw orNoStack(
        error,
        flags.stack,
        'Name a stack with --stack, or a cluster with --conf /etc/ceph/ceph.conf.',
      )
    }
  }
}

interface Place {
  readonly settings: Attributes
  readonly folder: string
}

function named(conf: string): Place {
  return { settings: { conf: resolve(conf) }, folder: process.cwd() }
}

function placeOf(session: Session, { settings }: Connection): Place {
  return { settings, folder: session.stack.folder }
}

type Connection = Session['stack']['connections'][number]

function chosen(session: Session, name: string | undefined): Connection {
  const { connections } = session.stack
  const ours = connections.filter(one => one.type === 'ceph')
  const wanted = name === undefined ? ours : ours.filter(one => one.name === name)
  const [first, second] = wanted
  if (first !== undefined && second === undefined) return first
  const names = ours.map(one => one.name).join(', ')
  throw new InfraError({
    kind: 'configuration',
    code: first === undefined ? 'no-cluster' : 'which-cluster',
    message:
      first === undefined
        ? `The stack has no connection ${name === undefined ? '' : `${name} `}to Ceph`
        : 'The stack has more than one connection to Ceph',
    ...(names !== '' && { why: `It has ${names}` }),
    hint:
      ours.length === 0
        ? 'Add one under spec.providers (ceph: {}), or say --conf FILE.'
        : 'Say which with --cluster.',
  })
}

/** `512 MiB` of bytes; `no limit`, or nothing. */
export function sizeText(size: number | 'infinite' | undefined): string {
  if (size === undefined) return ''
  return size === 'infinite' ? 'no limit' : gibibytes(size / 2 ** 30)
}

/** Names and values, one a line; those without a value are left out. */
export function factLines(facts: readonly (readonly [string, Json | undefined])[]): string {
  return facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(
      ([name, value]) =>
        `${`${name}: `.padEnd(14)}${typeof value === 'string' ? value : JSON.stringify(value)}\n`,
    )
    .join('')
}
