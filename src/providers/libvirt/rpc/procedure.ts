/** One procedure of libvirt's protocol: its number, and what goes in and comes out. */
import { programs } from './packet.js'
import type { Codec } from './xdr.js'

/**
 * `read` changes nothing, so a lost connection loses nothing. Of a `change` whose reply never came nobody can say whether it
 * happened. `slow` is a change or a read that may keep a worker of libvirtd for seconds or minutes.
 */
export type Effect = 'read' | 'change' | 'slow'

export interface Procedure<A, R> {
  /** For errors and logs. */
  readonly name: string
  readonly program: number
  readonly number: number
  readonly effect: Effect
  readonly args: Codec<A>
  readonly result: Codec<R>
}

/** A procedure of the main program. */
export function remote<A, R>(
  number: number,
  effect: Effect,
  name: string,
  args: Codec<A>,
  result: Codec<R>,
): Procedure<A, R> {
  return { name, program: programs.remote, number, effect, args, result }
}

/** A procedure of the program that only QEMU's driver has. */
export function qemu<A, R>(
  number: number,
  effect: Effect,
  name: string,
  args: Codec<A>,
  result: Codec<R>,
): Procedure<A, R> {
  return { name, program: programs.qemu, number, effect, args, result }
}
