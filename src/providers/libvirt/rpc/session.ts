/**
 * One connection to libvirtd: calls matched to replies by their serial, as many under way as are made, events, keepalive.
 * What the other side sends is not trusted: whatever does not fit ends the connection with an error.
 */
import type { InfraError } from '../../../model/error.js'
import { Aborts } from './aborts.js'
import { lost, reasonOf, timedOut } from './call-errors.js'
import { Channel } from './channel.js'
import { connectionError, readError } from './errors.js'
import { outbox } from './outbox.js'
import { encodePacket, type Packet, packetReader, packetTypes, programs, statuses } from './packet.js'
import type { Procedure } from './procedure.js'
import type { Link } from './transport.js'
import { Watchdog, type WatchdogSettings } from './watchdog.js'
import { malformed, XdrReader, XdrWriter } from './xdr.js'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds until the call fails; by default a minute, or an hour for slow procedures. */
  readonly timeout?: number
}

export const defaultSettings: WatchdogSettings = { pingAfter: 5_000, silence: 30_000 }

const readTimeout = 60_000
const slowTimeout = 3_600_000

/**
 * Slow calls at once on one connection. libvirtd serves 5 calls of a client at a time (max_client_requests) and reads nothing
 * more meanwhile, its keepalive included; one place stays free.
 */
const slowAtOnce = 4

const keepalive = { ping: 1, pong: 2 } as const

interface Pending {
  readonly name: string
  readonly program: number
  readonly number: number
  readonly effect: Procedure<unknown, unknown>['effect']
  settle(packet: Packet): void
  fail(error: unknown): void
}

type EventListener = (payload: XdrReader) => void

export class Session {
  readonly #link: Link
  readonly #watchdog: Watchdog
  readonly #pending = new Map<number, Pending>()
  readonly #events = new Map<number, Set<EventListener>>()
  readonly #aborts = new Aborts()
  readonly #writer = new XdrWriter()
  readonly #out = outbox((bytes, done) =>
    this.#link.stream.write(bytes, error => done(error && (this.#failure ?? error))),
  )
  readonly #waiting: (() => void)[] = []
  readonly #ended: ((error: InfraError) => void)[] = []
  #channel: Channel | undefined
  #slow = 0
  #serial = 0
  #failure: InfraError | undefined

  constructor(link: Link, settings: WatchdogSettings = defaultSettings) {
    this.#link = link
    this.#watchdog = new Watchdog(settings, {
      isPaused: () => link.stream.isPaused(),
      ping: () => this.#keepaliveMessage(keepalive.ping),
      dead: quiet =>
        this.#end(new Error(`it has not answered for ${Math.round(quiet / 1000)} s`), 'libvirt-silent'),
    })
    const reader = packetReader()
    link.stream.on('data', (chunk: Buffer) => {
      this.#watchdog.heard()
      try {
        for (const packet of reader.push(chunk)) this.#receive(packet)
      } catch (error) {
        this.#end(error)
      }
    })
    link.stream.once('error', error => this.#end(error))
    link.stream.once('close', () => this.#end(new Error('the connection was closed by the other side')))
    link.stream.once('end', () => this.#end(new Error('the connection was closed by the other side')))
  }

  /** Why the connection is of no more use, once it is. */
  get failure(): InfraError | undefined {
    return this.#failure
  }

  /** Told once when the connection is lost or closed. */
  onEnd(listener: (error: InfraError) => void): void {
    if (this.#failure) listener(this.#failure)
    else this.#ended.push(listener)
  }

  /** Calls a procedure. Rejects with libvirt's error, a connection error, or the signal's reason. */
  call<A, R>(procedure: Procedure<A, R>, args: A, options: CallOptions = {}): Promise<R> {
    return procedure.effect === 'slow'
      ? this.#slowCall(procedure, args, options)
      : this.#call(procedure, args, options)
  }

  async #slowCall<A, R>(procedure: Procedure<A, R>, args: A, options: CallOptions): Promise<R> {
    await this.#slowPlace(options.signal)
    try {
      return await this.#call(procedure, args, options)
    } finally {
      this.#slow -= 1
      this.#waiting.shift()?.()
    }
  }

  /** Calls a procedure that a stream follows. A connection carries one stream and is of no other use meanwhile. */
  async openChannel<A>(procedure: Procedure<A, void>, args: A, options: CallOptions = {}): Promise<Channel> {
    const serial = this.#serial + 1
    const channel = new Channel({
      send: (type, status, payload) =>
        this.#send(
          { program: procedure.program, procedure: procedure.number, type, serial, status },
          payload,
        ),
      pause: () => this.#link.stream.pause(),
      resume: () => this.#link.stream.resume(),
      name: procedure.name,
    })
    this.#channel = channel
    await this.#call(procedure, args, { timeout: readTimeout, ...options })
    return channel
  }

  /** Listens to an event of the main program by its procedure number. Returns what ends it. */
  listen(procedure: number, listener: EventListener): () => void {
    const listeners = this.#events.get(procedure) ?? new Set()
    this.#events.set(procedure, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.#end(new Error('it was closed here'))
  }

  #call<A, R>(procedure: Procedure<A, R>, args: A, options: CallOptions): Promise<R> {
    const { signal } = options
    const timeout = options.timeout ?? (procedure.effect === 'slow' ? slowTimeout : readTimeout)
    return new Promise<R>((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#failure) throw this.#failure
      // one for all calls: what it holds is copied into the packet before this turn ends
      const writer = this.#writer
      writer.clear()
      procedure.args.write(writer, args)
      this.#serial += 1
      const serial = this.#serial
      const settled = () => {
        clearTimeout(timer)
        unlisten()
        this.#pending.delete(serial)
        if (this.#pending.size === 0 && this.#channel === undefined) this.#watchdog.stop()
      }
      const fail = (error: unknown) => {
        settled()
        reject(error)
      }
      const unlisten = this.#aborts.on(signal, () => fail(signal?.reason))
      const timer = setTimeout(() => fail(timedOut(procedure, timeout)), timeout)
      this.#pending.set(serial, {
        name: procedure.name,
        program: procedure.program,
        number: procedure.number,
        effect: procedure.effect,
        fail,
        settle: packet => {
          settled()
          const reader = new XdrReader(packet.payload)
          if (packet.status === statuses.error) {
            reject(readError(reader, procedure.name))
            return
          }
          const result = procedure.result.read(reader)
          reader.end()
          resolve(result)
        },
      })
      this.#watchdog.start()
      const { program, number } = procedure
      const header = { program, procedure: number, type: packetTypes.call, serial, status: statuses.ok }
      // a connection that cannot be written to ends, which fails the call with what became of it
      void this.#send(header, writer.finish())
    })
  }

  async #slowPlace(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#slow >= slowAtOnce) {
      await new Promise<void>((resolve, reject) => {
        const go = () => {
          unlisten()
          resolve()
        }
        const unlisten = this.#aborts.on(signal, () => {
          this.#waiting.splice(this.#waiting.indexOf(go), 1)
          reject(signal?.reason)
        })
        this.#waiting.push(go)
      })
    }
    this.#slow += 1
  }

  /** Resolves once the bytes are taken off our hands. */
  #send(header: Omit<Packet, 'payload'>, payload: Uint8Array): Promise<void> {
    return this.#out(encodePacket(header, payload))
  }

  #receive(packet: Packet): void {
    if (packet.program === programs.keepalive) {
      this.#keepalive(packet)
      return
    }
    switch (packet.type) {
      case packetTypes.reply: {
        const pending = this.#pending.get(packet.serial)
        if (pending) this.#settle(packet, pending)
        // the reply of a call that was given up is passed over; one to a call never made is none
        else if (packet.serial === 0 || packet.serial > this.#serial) throw malformed('a reply to no call')
        return
      }
      case packetTypes.event:
        for (const listener of this.#events.get(packet.procedure) ?? [])
          listener(new XdrReader(packet.payload))
        return
      case packetTypes.stream:
      case packetTypes.hole:
        if (this.#channel === undefined) throw malformed('bytes of a stream that nobody opened')
        this.#channel.receive(packet)
        return
      default:
        throw malformed(`a packet of type ${packet.type}`)
    }
  }

  #settle(packet: Packet, pending: Pending): void {
    const { program, procedure, status } = packet
    if (program !== pending.program || procedure !== pending.number)
      throw malformed(
        `a reply of procedure ${procedure} of program 0x${program.toString(16)} to ${pending.name}`,
      )
    if (status !== statuses.ok && status !== statuses.error) throw malformed(`a reply of status ${status}`)
    try {
      pending.settle(packet)
    } catch (error) {
      pending.fail(error)
      throw error
    }
  }

  #keepalive(packet: Packet): void {
    if (packet.procedure === keepalive.ping) this.#keepaliveMessage(keepalive.pong)
  }

  #keepaliveMessage(procedure: number): void {
    const header = {
      program: programs.keepalive,
      procedure,
      type: packetTypes.event,
      serial: 0,
      status: statuses.ok,
    }
    void this.#send(header, new Uint8Array())
  }

  #end(cause: unknown, code = 'libvirt-lost'): void {
    if (this.#failure) return
    const why = reasonOf(cause, this.#link.said())
    this.#failure = connectionError(code, 'The connection to libvirt was lost', why)
    this.#watchdog.stop()
    this.#link.stream.on('error', () => undefined).destroy()
    for (const pending of [...this.#pending.values()]) pending.fail(lost(pending, code, why))
    this.#channel?.fail(this.#failure)
    for (const listener of this.#ended.splice(0)) listener(this.#failure)
  }
}
