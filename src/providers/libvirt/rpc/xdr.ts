/**
 * XDR (RFC 4506) as libvirt uses it: big-endian words of four bytes, strings and opaques padded to them. Codecs are small and
 * compose; every list and string has a limit, so that a reply can cost no more memory than its own packet.
 */
import { InfraError } from '../../../model/error.js'

/** A codec of one type of value. Reading never goes beyond the payload; writing refuses what the other side would refuse. */
export interface Codec<T> {
  write(writer: XdrWriter, value: T): void
  read(reader: XdrReader): T
}

/** The type that a codec carries. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never

/** The other side sent what is no reply of this protocol. */
export function malformed(why: string): InfraError {
  return new InfraError({
    kind: 'connection',
    code: 'libvirt-protocol',
    message: 'The other side does not speak the protocol of libvirt as expected',
    why,
    hint: 'See that the address is that of libvirtd (or virtqemud), version 4.5 or newer',
  })
}

/** A value that the protocol cannot carry. Nothing was sent. */
function unsendable(why: string): InfraError {
  return new InfraError({ kind: 'validation', code: 'libvirt-argument', message: why })
}

export class XdrWriter {
  #bytes = Buffer.allocUnsafe(512)
  #length = 0

  #room(size: number): number {
    const at = this.#length
    if (at + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + size))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    this.#length = at + size
    return at
  }

  int(value: number): void {
    const at = this.#room(4)
    this.#bytes.writeInt32BE(value, at)
  }

  uint(value: number): void {
    const at = this.#room(4)
    this.#bytes.writeUInt32BE(value, at)
  }

  hyper(value: bigint): void {
    const at = this.#room(8)
    this.#bytes.writeBigInt64BE(BigInt.asIntN(64, value), at)
  }

  double(value: number): void {
    const at = this.#room(8)
    this.#bytes.writeDoubleBE(value, at)
  }

  /** Raw bytes with their padding, without a length. */
  fixed(value: Uint8Array): void {
    const padded = (value.length + 3) & ~3
    const at = this.#room(padded)
    this.#bytes.set(value, at)
    this.#bytes.fill(0, at + value.length, at + padded)
  }

  /** UTF-8 of so many bytes with its padding, without a length. */
  text(value: string, size: number): void {
    const padded = (size + 3) & ~3
    const at = this.#room(padded)
    this.#bytes.write(value, at, size, 'utf8')
    this.#bytes.fill(0, at + size, at + padded)
  }

  /** What was written: a view, which the next `clear` gives up. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Begins anew, in the same room. */
  clear(): void {
    this.#length = 0
  }
}

export class XdrReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  #take(size: number): number {
    if (size > this.left) throw malformed(`a reply ends ${size - this.left} bytes too early`)
    const at = this.#at
    this.#at += size
    return at
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8))
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  /** So many bytes, a view of the payload; their padding is passed over. */
  fixed(size: number): Buffer {
    const at = this.#take((size + 3) & ~3)
    return this.#bytes.subarray(at, at + size)
  }

  /** So many bytes as UTF-8; their padding is passed over. */
  text(size: number): string {
    const at = this.#take((size + 3) & ~3)
    return this.#bytes.toString('utf8', at, at + size)
  }

  /** Everything left. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.left))
  }

  /** To be called when all is read: a reply that is longer than its type is none of that type. */
  end(): void {
    if (this.left > 0) throw malformed(`a reply is ${this.left} bytes too long`)
  }
}

function whole(value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw unsendable(`${value} is no whole number from ${min} to ${max}`)
  }
  return value
}

export const int: Codec<number> = {
  write: (writer, value) => writer.int(whole(value, -0x8000_0000, 0x7fff_ffff)),
  read: reader => reader.int(),
}

export const uint: Codec<number> = {
  write: (writer, value) => writer.uint(whole(value, 0, 0xffff_ffff)),
  read: reader => reader.uint(),
}

/** A C boolean carried as an int. */
export const bool: Codec<boolean> = {
  write: (writer, value) => writer.int(value ? 1 : 0),
  read: reader => reader.int() !== 0,
}

/** Signed 64 bits as a number; beyond 2^53 it is rounded. */
export const hyper: Codec<number> = {
  write: (writer, value) =>
    writer.hyper(BigInt(whole(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))),
  read: reader => Number(reader.hyper()),
}

/** Unsigned 64 bits as a number; beyond 2^53 ("unlimited") it is rounded. */
export const uhyper: Codec<number> = {
  write: (writer, value) => writer.hyper(BigInt(whole(value, 0, Number.MAX_SAFE_INTEGER))),
  read: reader => Number(BigInt.asUintN(64, reader.hyper())),
}

/** Bytes of any length up to a limit. */
export function opaque(max: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length > max)
        throw unsendable(`${value.length} bytes are more than the ${max} that libvirt takes`)
      writer.uint(value.length)
      writer.fixed(value)
    },
    read(reader) {
      const size = reader.uint()
      if (size > max) throw malformed(`a field of ${size} bytes where at most ${max} are allowed`)
      return Uint8Array.from(reader.fixed(size))
    },
  }
}

/** UTF-8 text of so many bytes at most. */
export function text(max: number): Codec<string> {
  return {
    write(writer, value) {
      const size = Buffer.byteLength(value, 'utf8')
      if (size > max) throw unsendable(`a text of ${size} bytes is longer than the ${max} that libvirt takes`)
      if (value.includes('\0')) throw unsendable('a text holds a NUL character')
      writer.uint(size)
      writer.text(value, size)
    },
    read(reader) {
      const size = reader.uint()
      if (size > max) throw malformed(`a text of ${size} bytes where at most ${max} are allowed`)
      return reader.text(size)
    },
  }
}

export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write(writer, value) {
      writer.int(value === undefined ? 0 : 1)
      if (value !== undefined) codec.write(writer, value)
    },
    read(reader) {
      const present = reader.uint()
      if (present > 1) throw malformed(`${present} where a present-or-not was expected`)
      return present === 1 ? codec.read(reader) : undefined
    },
  }
}

export function list<T>(codec: Codec<T>, max: number): Codec<readonly T[]> {
  return {
    write(writer, value) {
      if (value.length > max)
        throw unsendable(`a list of ${value.length} is longer than the ${max} that libvirt takes`)
      writer.uint(value.length)
      for (const item of value) codec.write(writer, item)
    },
    read(reader) {
      const size = reader.uint()
      // each element takes at least one word: what does not fit is refused before anything is made for it
      if (size > max || size * 4 > reader.left)
        throw malformed(`a list of ${size} where at most ${max} are allowed`)
      const items: T[] = []
      for (let index = 0; index < size; index += 1) items.push(codec.read(reader))
      return items
    },
  }
}

type Shape = Readonly<Record<string, Codec<unknown>>>
type Fields<S extends Shape> = { readonly [K in keyof S]: ValueOf<S[K]> }

/** Fields one after the other, in the order they are written here. */
export function struct<S extends Shape>(shape: S): Codec<Fields<S>> {
  const fields = Object.entries(shape)
  return {
    write(writer, value) {
      for (const [name, codec] of fields) codec.write(writer, value[name])
    },
    read(reader) {
      const value: Record<string, unknown> = {}
      for (const [name, codec] of fields) value[name] = codec.read(reader)
      return value as Fields<S>
    },
  }
}

/** Nothing at all: calls without arguments, replies without a result. */
export const nothing: Codec<void> = { write: () => undefined, read: () => undefined }
