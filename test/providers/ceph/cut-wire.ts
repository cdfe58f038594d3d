/** Answers of a Ceph that is not there, whose connection can be lost over a change, and a clock on which all waiting is short. */
import type { Json } from '../../../src/model/value.js'
import type { CephCommand } from '../../../src/providers/ceph/client/connection.js'
import { CephError } from '../../../src/providers/ceph/client/error.js'

export type Reads = Readonly<Record<string, (command: CephCommand) => Json>>
export type Writes = Readonly<Record<string, (command: CephCommand) => void>>

/** Fails as Ceph does. */
export function fail(what: string, errno: number, words = ''): never {
  throw new CephError(what, errno, words)
}

/** By the first words of each command. `waited`: what happens meanwhile. */
export function cutWire(reads: Reads, writes: Writes, waited: () => void = () => undefined) {
  /** So many changes are made before the connection is lost, once. */
  let left = Number.POSITIVE_INFINITY
  let after = false
  let now = 0
  const told: string[] = []
  const ask = async (command: CephCommand) => {
    const { prefix } = command
    const write = writes[prefix]
    if (!write) return { output: JSON.stringify(reads[prefix]?.(command) ?? fail(prefix, 22)), status: '' }
    told.push(prefix)
    left -= 1
    const lost = left < 0
    if (lost) left = Number.POSITIVE_INFINITY
    if (!lost || after) write(command)
    if (lost) fail(prefix, 107, 'lost')
    return { output: '', status: '' }
  }
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds
      waited()
    },
  }
  let counted = 0
  return {
    ask,
    clock,
    /** Every command that changes something. */
    told,
    /** The connection is lost once, over the change after so many: before it is made, or after. */
    cutAfter(count: number, made: boolean) {
      left = count
      after = made
      counted = told.length
    },
    /** How many changes were asked for since. */
    changes: () => told.length - counted,
  }
}
