/** A stream of bytes beside a call: a volume's content, a console. */
import { InfraError } from '../../../model/error.js'
import { readError } from './errors.js'
import { type Packet, packetTypes, statuses } from './packet.js'
import { malformed, XdrReader, XdrWriter } from './xdr.js'

/** Bytes, or so many zero bytes that need not be carried (sparse transfers). */
export type Chunk = Uint8Array | { readonly hole: number }

export interface ChannelEnds {
  readonly name: string
  send(type: number, status: number, payload: Uint8Array): Promise<void>
  pause(): void
  resume(): void
}

/** Bytes in one packet: what every libvirtd takes (the limit of old ones, 256 KiB with the header). */
const packetBytes = 262_120
/** Bytes held for a slow reader before the socket is left unread. */
const highWater = 4_194_304

export class Channel {
  readonly #ends: ChannelEnds
  readonly #chunks: Chunk[] = []
  #held = 0
  #paused = false
  /** The other side has no more bytes. */
  #drained = false
  /** The other side agreed that the stream is over. */
  #finished = false
  #failure: unknown
  #wake: (() => void) | undefined

  constructor(ends: ChannelEnds) {
    this.#ends = ends
  }

  /** Takes a packet of this stream. */
  receive(packet: Packet): void {
    if (packet.status === statuses.error) {
      this.fail(readError(new XdrReader(packet.payload), this.#ends.name))
      return
    }
    if (packet.status === statuses.ok) this.#finished = true
    else if (packet.type === packetTypes.hole) {
      const reader = new XdrReader(packet.payload)
      const hole = Number(reader.hyper())
      reader.uint()
      if (hole < 0) throw malformed('a hole of negative length')
      this.#chunks.push({ hole })
    } else if (packet.payload.length === 0) this.#drained = true
    else {
      this.#chunks.push(packet.payload)
      this.#held += packet.payload.length
      this.#flow()
    }
    this.#wake?.()
  }

  /** The stream is of no more use. */
  fail(error: unknown): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** What the other side sends, until it ends. Throws where the stream fails. */
  async *read(): AsyncGenerator<Chunk, void, void> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        if (chunk instanceof Uint8Array) this.#held -= chunk.length
        this.#flow()
        yield chunk
      } else if (this.#failure !== undefined) throw this.#failure
      else if (this.#drained || this.#finished) return
      else await this.#news()
    }
  }

  /** Sends bytes, or a hole. Resolves when there is room for more. */
  async write(chunk: Chunk): Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      const writer = new XdrWriter()
      writer.hyper(BigInt(chunk.hole))
      writer.uint(0)
      await this.#send(packetTypes.hole, statuses.continue, writer.finish())
      return
    }
    for (let at = 0; at < chunk.length; at += packetBytes) {
      await this.#send(packetTypes.stream, statuses.continue, chunk.subarray(at, at + packetBytes))
    }
  }

  /** Says that all is sent or read, and waits until the other side agrees: only then is an upload on the disk. */
  async finish(): Promise<void> {
    await this.#send(packetTypes.stream, statuses.ok, new Uint8Array())
    while (!this.#finished) {
      if (this.#failure !== undefined) throw this.#failure
      this.#chunks.length = 0
      this.#held = 0
      this.#flow()
      await this.#news()
    }
  }

  /** Lets the socket be read, or not, by how much is held. */
  #flow(): void {
    if (this.#held > highWater && !this.#paused) {
      this.#paused = true
      this.#ends.pause()
    } else if (this.#paused && this.#held < highWater / 2) {
      this.#paused = false
      this.#ends.resume()
    }
  }

  async #send(type: number, status: number, payload: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#finished) {
      throw new InfraError({
        kind: 'operation',
        code: 'libvirt-stream-ended',
        message: `libvirt ended the stream of ${this.#ends.name} early`,
      })
    }
    await this.#ends.send(type, status, payload)
  }

  #news(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}
