/** What the commands share that work on hosts of libvirt: the stack's connections or an address, several hosts at once. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { InfraError, InfraErrors } from '../../model/error.js'
import { type ActJournal, unjournaled } from '../../providers/libvirt/acts/journaled.js'
import { type Hosts, type NamedHost, openHosts } from '../../providers/libvirt/acts/open.js'
import type { Connection } from '../../providers/provider.js'
import { openSession, type Session } from '../../session/session.js'
import { ActCommand } from '../act-command.js'
import { orNoStack } from '../no-stack.js'
import { actLeftOpen } from '../open-acts.js'
import { errorsOf } from '../settling.js'
import { journaled } from './journaled.js'

export interface HostFlags {
  readonly json: boolean
  readonly verbose: boolean
  readonly yaml: boolean
  readonly stack: string
  readonly connect?: string[] | undefined
  readonly host?: string[] | undefined
  readonly var?: string[] | undefined
  readonly 'var-file'?: string[] | undefined
  readonly state?: string | undefined
  readonly 'lock-timeout'?: number | undefined
}

export interface HostContext {
  readonly hosts: Hosts
  /** Undefined where hosts were named by their address. */
  readonly session: Session | undefined
  /** Those that were asked for, whether they could be opened or not. */
  readonly connections: readonly Connection[]
  /** Folder for what acts keep of their own: backups, downloads. */
  readonly home: string
}

export abstract class HostCommand extends ActCommand {
  /**
   * Opens the hosts. With `changes` the stack's lock is held meanwhile, and it is refused while an apply is not settled. With
   * `others` a stack need not have a host of libvirt.
   */
  protected async withHosts<T>(
    flags: HostFlags,
    options: { readonly changes: boolean; readonly others?: true },
    work: (context: HostContext) => Promise<T>,
  ): Promise<T> {
    const session = await this.#session(flags)
    try {
      if (session !== undefined && options.changes) {
        await this.lockFor(session, flags)
      }
      const connections =
        session === undefined
          ? this.#named(flags.connect ?? [this.setting('uri') ?? ''])
          : chosen(session, flags.host, options.others === true)
      const hosts = await openHosts(connections, this.ports, this.signal)
      try {
        return await work({ hosts, connections, session, home: session?.stateFolder ?? this.#home() })
      } finally {
        await hosts.close()
      }
    } finally {
      await session?.close()
    }
  }

  /** Where acts keep what is their own, for commands that ask no host. */
  protected async home(flags: HostFlags): Promise<string> {
    const session = await this.#session(flags)
    if (session === undefined) return this.#home()
    try {
      return session.stateFolder
    } finally {
      await session.close()
    }
  }

  /** The one host that is meant, where an act works on one. Fails where it is down or not said. */
  protected oneHost({ hosts }: HostContext): NamedHost {
    const [first, second] = hosts.open
    const [down] = hosts.down
    if (first === undefined || (second === undefined && down !== undefined)) {
      throw down?.error ?? noConnection()
    }
    if (second === undefined) return first
    throw new InfraError({
      kind: 'configuration',
      code: 'which-host',
      message: `The stack has more than one host: ${hosts.open.map(one => one.name).join(', ')}`,
      hint: 'Say which with --host.',
    })
  }

  /** Reads from all hosts at once; one that fails counts as down. */
  protected async fromAll<T>(
    { hosts }: HostContext,
    read: (host: NamedHost) => Promise<T>,
  ): Promise<{ readonly found: readonly T[]; readonly down: Hosts['down'] }> {
    const tried = await Promise.all(
      hosts.open.map(async one => {
        try {
          return { found: await read(one) }
        } catch (error) {
          if (error instanceof InfraError && error.kind === 'connection') return { name: one.name, error }
          throw error
        }
      }),
    )
    return {
      found: tried.flatMap(one => ('found' in one ? [one.found as T] : [])),
      down: [...hosts.down, ...tried.flatMap(one => ('error' in one && one.error ? [one as never] : []))],
    }
  }

  /**
   * Does one act that is on no machine which is there already. Where it does not come to an end that is known, that is told
   * beside its error. Needs the lock.
   */
  protected async actOnHost<T>(
    { session }: HostContext,
    flags: HostFlags,
    host: NamedHost,
    work: (journal: ActJournal) => Promise<T>,
  ): Promise<T> {
    return this.#act(session, flags, host, work)
  }

  /** Acts on what is on this machine alone: no host is opened. The stack's lock is held meanwhile. */
  protected async actHere<T>(
    flags: HostFlags,
    work: (act: <R>(one: (journal: ActJournal) => Promise<R>) => Promise<R>) => Promise<T>,
  ): Promise<T> {
    const session = await this.#session(flags)
    if (session === undefined) return work(one => one(unjournaled))
    try {
      await this.lockFor(session, flags)
      return await work(one => this.#act(session, flags, undefined, one))
    } finally {
      await session.close()
    }
  }

  async #act<T>(
    session: Session | undefined,
    flags: HostFlags,
    host: NamedHost | undefined,
    work: (journal: ActJournal) => Promise<T>,
  ): Promise<T> {
    if (session === undefined) return work(unjournaled)
    try {
      return await session.act(this.holder(flags).command, begin => journaled(begin, host, undefined, work))
    } catch (error) {
      const open = await actLeftOpen(session)
      if (open === undefined || (errorsOf(error).length === 0 && !this.signal.aborted)) throw error
      throw new InfraErrors([...errorsOf(error), open])
    }
  }

  /** Undefined where a host is named by its address: by a flag, or in the settings where this folder holds no stack. */
  async #session(flags: HostFlags): Promise<Session | undefined> {
    if (flags.connect !== undefined) return undefined
    try {
      return await openSession(this.sessionInput(flags, flags.stack))
    } catch (error) {
      const told = orNoStack(
        error,
        flags.stack,
        'Name a stack with --stack, or a host with --connect qemu:///system.',
      )
      if (told !== error && this.setting('uri') !== undefined) return undefined
      throw told
    }
  }

  #named(uris: readonly string[]): Connection[] {
    return uris.map((uri, index) => ({
      name: uris.length === 1 ? 'libvirt' : `libvirt${index + 1}`,
      type: 'libvirt',
      settings: { uri },
      folder: process.cwd(),
      stateFolder: this.#home(),
    }))
  }

  #home(): string {
    return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'infra')
  }
}

/** With `others` connections of other types may be named, too, and none to a libvirt is nothing wrong. */
function chosen(session: Session, names: readonly string[] | undefined, others: boolean): Connection[] {
  const { connections, folder } = session.stack
  const ours = connections.filter(one => one.type === 'libvirt')
  for (const name of names ?? []) {
    if ((others ? connections : ours).some(one => one.name === name)) continue
    throw new InfraError({
      kind: 'configuration',
      code: 'no-host',
      message: `The stack has no connection ${name} to a libvirt`,
      ...(ours.length > 0 && { why: `It has ${ours.map(one => one.name).join(', ')}` }),
      hint: `Add ${name} under spec.providers of the stack, or say --connect URI.`,
    })
  }
  const wanted = names === undefined ? ours : ours.filter(one => names.includes(one.name))
  if (wanted.length === 0 && !others) throw noConnection()
  return wanted.map(one => ({ ...one, folder, stateFolder: session.stateFolder }))
}

function noConnection(): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'no-host',
    message: 'The stack has no connection to libvirt',
    hint: 'Add one under spec.providers (libvirt: {uri: qemu:///system}), or say --connect URI.',
  })
}
