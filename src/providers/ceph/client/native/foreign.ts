/** Calls into C without blocking: every call runs on a thread of the pool and answers with its return code. */
import koffi from 'koffi'
import { NativeFailure } from './protocol.js'

/** A C pointer. */
export type Pointer = bigint
/** What C functions take here. Buffers are written in place: they must live until the call has answered. */
export type Argument = Pointer | number | boolean | string | null | Buffer | readonly string[]
export type Foreign = (...args: readonly Argument[]) => Promise<number>
export type Immediate = (...args: readonly Argument[]) => unknown

export interface Library {
  /** A function that may take long, by its C prototype. */
  slow(prototype: string): Foreign
  /** A function that answers at once. */
  quick(prototype: string): Immediate
}

/** A library by its name, for the first name that the system knows. */
export function loadLibrary(name: string): Library {
  let library: ReturnType<typeof koffi.load>
  try {
    library = koffi.load(name)
  } catch (thrown) {
    const words = thrown instanceof Error ? thrown.message : String(thrown)
    throw new NativeFailure({ errno: 2, words, library: true })
  }
  return {
    slow(prototype) {
      const native = library.func(prototype)
      return (...args) =>
        new Promise((done, failed) => {
          native.async(...args, (error: unknown, value: number) => {
            if (error) failed(error)
            else done(value)
          })
        })
    },
    quick: prototype => library.func(prototype),
  }
}

/** Names a C function type, so that a prototype can take a pointer to it. */
export function prototype(text: string): void {
  koffi.proto(text)
}

/** A function for C to call, for as long as the process lives. It is run on this thread, whichever thread C calls it on. */
export function callback(type: string, run: (...values: readonly unknown[]) => void): Pointer {
  return koffi.register(run, type) as Pointer
}

/** Room for pointers and 64-bit numbers that C writes. */
export class Slots {
  readonly #bytes: Buffer

  constructor(count: number) {
    this.#bytes = Buffer.alloc(count * 8)
  }

  /** The place of one slot, to be passed to C. */
  at(index: number): Buffer {
    return this.#bytes.subarray(index * 8, index * 8 + 8)
  }

  pointer(index: number): Pointer {
    return this.#bytes.readBigUInt64LE(index * 8)
  }

  number(index: number): number {
    return Number(this.#bytes.readBigInt64LE(index * 8))
  }

  int(index: number): number {
    return this.#bytes.readInt32LE(index * 8)
  }

  set(index: number, value: number): void {
    this.#bytes.writeBigUInt64LE(BigInt(value), index * 8)
  }
}

/** Bytes that C owns, as text of our own. */
export function textAt(pointer: Pointer, length: number): string {
  return length === 0 || pointer === 0n ? '' : Buffer.from(koffi.view(pointer, length)).toString('utf8')
}

/** A C string, as text of our own. */
export function stringAt(pointer: Pointer): string {
  return pointer === 0n ? '' : koffi.decode.string(pointer)
}

/** Fails where C answered with a negative errno; else the code itself. */
export function checked(code: number, words = ''): number {
  if (code < 0) throw new NativeFailure({ errno: -code, words })
  return code
}

/**
 * A list of C structs, asked for with growing room until it fits. `ask` gets the buffer and the slot with the count, and
 * answers -34 (ERANGE) where there is too little room, with the count that is needed.
 */
export async function listOf<T>(
  structSize: number,
  ask: (buffer: Buffer, count: Buffer) => Promise<number>,
  read: (buffer: Buffer, offset: number) => T,
  release: (buffer: Buffer, count: number) => void,
  countOf: (code: number, slots: Slots) => number = (_, slots) => slots.number(0),
): Promise<T[]> {
  let room = 64
  for (;;) {
    const buffer = Buffer.alloc(room * structSize)
    const slots = new Slots(1)
    slots.set(0, room)
    const code = await ask(buffer, slots.at(0))
    if (code === -34) {
      room = Math.max(room * 2, slots.number(0))
      continue
    }
    checked(code)
    const count = countOf(code, slots)
    try {
      return Array.from({ length: count }, (_, index) => read(buffer, index * structSize))
    } finally {
      release(buffer, count)
    }
  }
}
