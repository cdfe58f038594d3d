/**
 * The client: a connection made on demand, made anew after a loss, and one more for each stream, so that a long upload or a
 * console that nobody reads never stands in the way of calls.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { InfraError } from '../../../model/error.js'
import { Aborts } from './aborts.js'
import type { Channel } from './channel.js'
import { connectionError } from './errors.js'
import { type ObjectEvents, watchObjects } from './events.js'
import type { Procedure } from './procedure.js'
import { procedures } from './procedures/index.js'
import { type CallOptions, defaultSettings, Session } from './session.js'
import { openLink } from './transport.js'
import { type LibvirtUri, parseUri } from './uri.js'
import type { WatchdogSettings } from './watchdog.js'

export interface ClientSettings extends WatchdogSettings {
  /** Milliseconds for connecting, handshake included. */
  readonly connectTimeout: number
  /** Milliseconds in which connecting is tried again once a connection was lost: a restart of libvirtd takes a second. */
  readonly reconnectFor: number
}

export const clientDefaults: ClientSettings = {
  ...defaultSettings,
  connectTimeout: 20_000,
  reconnectFor: 10_000,
}

const authentications = { none: 0, sasl: 1, polkit: 2 } as const

export class Client {
  readonly uri: LibvirtUri
  readonly #settings: ClientSettings
  #session: Promise<Session> | undefined
  /** The same, once it is connected. */
  #there: Session | undefined
  #connectedOnce = false
  #closed = false
  readonly #streams = new Set<Session>()
  readonly #aborts = new Aborts()

  constructor(uri: string | LibvirtUri, settings: Partial<ClientSettings> = {}) {
    this.uri = typeof uri === 'string' ? parseUri(uri) : uri
    this.#settings = { ...clientDefaults, ...settings }
  }

  /** Connects now. A call connects by itself; this tells early what is wrong. */
  async connect(signal?: AbortSignal): Promise<void> {
    await this.#live(signal)
  }

  call<A, R>(procedure: Procedure<A, R>, args: A, options: CallOptions = {}): Promise<R> {
    // thousands of calls are made on a connection that is there
    const there = this.#closed ? undefined : this.#there
    if (there !== undefined && there.failure === undefined) return there.call(procedure, args, options)
    return this.#live(options.signal).then(session => session.call(procedure, args, options))
  }

  /** Opens a stream on a connection of its own, which ends with `close`. */
  async stream<A>(
    procedure: Procedure<A, void>,
    args: A,
    options: CallOptions = {},
  ): Promise<{ readonly channel: Channel; close(): void }> {
    const session = await this.#open(options.signal)
    this.#streams.add(session)
    const unlisten = this.#aborts.on(options.signal, () => session.close())
    const close = () => {
      unlisten()
      this.#streams.delete(session)
      session.close()
    }
    try {
      const channel = await session.openChannel(procedure, args, options)
      return { channel, close }
    } catch (error) {
      close()
      throw error
    }
  }

  /** Told of what happens to domains, networks and storage pools, until `end` is called or the connection is lost. */
  async watch(events: ObjectEvents, options: CallOptions = {}): Promise<{ end(): Promise<void> }> {
    return watchObjects(await this.#live(options.signal), events, options)
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#closed = true
    for (const session of this.#streams) session.close()
    // who asked for it was told that there is none
    const session = await this.#session?.catch(() => undefined)
    if (session === undefined || session.failure !== undefined) return
    // libvirt notices that it is gone without being told
    await session.call(procedures.connect.close, undefined, { timeout: 2_000 }).catch(() => undefined)
    session.close()
  }

  /** The connection for calls; a lost one is replaced. */
  async #live(signal: AbortSignal | undefined): Promise<Session> {
    if (this.#closed)
      throw connectionError('libvirt-closed', 'The connection to libvirt is closed', 'It was closed here')
    const before = this.#session
    if (before !== undefined) {
      const session = await before.catch(() => undefined)
      if (session !== undefined && session.failure === undefined) return session
    }
    // whoever comes first connects, the others wait for the same
    let next = this.#session
    if (next === undefined || next === before) {
      next = this.#connectedOnce ? this.#reopen() : this.#open(undefined)
      next.then(
        session => {
          this.#there = session
        },
        () => undefined,
      )
      this.#session = next
    }
    return this.#raced(next, signal)
  }

  /** Connecting after a loss: libvirtd may just be starting again. */
  async #reopen(): Promise<Session> {
    const until = performance.now() + this.#settings.reconnectFor
    for (;;) {
      try {
        return await this.#open(undefined)
      } catch (error) {
        const again =
          error instanceof InfraError && error.kind === 'connection' && error.code !== 'libvirt-denied'
        if (!again || this.#closed || performance.now() >= until) throw error
        await sleep(100)
      }
    }
  }

  async #open(signal: AbortSignal | undefined): Promise<Session> {
    const { connectTimeout } = this.#settings
    const deadline = AbortSignal.timeout(connectTimeout)
    const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    let session: Session | undefined
    try {
      session = new Session(await openLink(this.uri, both), this.#settings)
      await this.#greet(session, both)
      this.#connectedOnce = true
      return session
    } catch (error) {
      session?.close()
      signal?.throwIfAborted()
      throw this.#unreachable(error, deadline.aborted)
    }
  }

  #unreachable(error: unknown, late: boolean): unknown {
    const place = this.uri.host ?? this.uri.parameters.socket ?? this.uri.open
    const hint = 'See whether libvirtd works there: virsh -c URI list'
    if (late) {
      const what = `libvirt at ${place} has not answered within ${this.#settings.connectTimeout / 1000} s`
      return connectionError(
        'libvirt-unreachable',
        what,
        'A connection was made, and nothing came back',
        hint,
      )
    }
    if (!(error instanceof InfraError) || error.code !== 'libvirt-lost') return error
    return connectionError(
      'libvirt-unreachable',
      `Cannot connect to libvirt at ${place}`,
      error.why ?? '',
      hint,
    )
  }

  /** A promise, or the signal's reason if that comes first. The promise goes on for others. */
  #raced<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return promise
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const unlisten = this.#aborts.on(signal, () => reject(signal.reason))
      promise.then(resolve, reject).finally(unlisten)
    })
  }

  async #greet(session: Session, signal: AbortSignal): Promise<void> {
    const { authList, authPolkit, open } = procedures.connect
    const types = await session.call(authList, undefined, { signal })
    if (types.includes(authentications.polkit)) await session.call(authPolkit, undefined, { signal })
    else if (types.length > 0 && !types.includes(authentications.none)) {
      throw connectionError(
        'libvirt-authentication',
        'libvirt asks for a password (SASL), which infra cannot give',
        `It offers the authentications ${types.join(', ')}`,
        'Connect by qemu+ssh or by the unix socket',
      )
    }
    await session.call(open, { name: this.uri.open, flags: 0 }, { signal })
  }
}
