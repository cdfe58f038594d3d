/** An act of a journal, as this version knows it: what settling it would do, and how. */
import type { ActCall } from './each.js'
import type { MachineAct } from './journaled.js'
import type { Machine } from './machines.js'
import type { NamedHost } from './open.js'

export type Direction = 'forward' | 'back'

/** What is there of the machine that an act was about. */
export interface Place {
  readonly host: NamedHost
  /** Undefined where it is gone, or not there yet. */
  readonly machine: Machine | undefined
  /** Another machine has its name. */
  readonly taken: boolean
}

/** An act of a journal, as this version knows it. */
export interface KnownAct {
  /** What settling it would do, in words. Fails where there is no such way. */
  way(direction: Direction): string
  /** Whether all is as it was before, or as it was asked for: after an error, nothing is left to be settled then. */
  isOver(place: Place, signal: AbortSignal): Promise<boolean>
  /** Completes it, or takes it back. Resolves to what is so now, in words, read back. Doing it twice does no harm. */
  settle(place: Place, direction: Direction, call: ActCall): Promise<string>
  /** In its stead, of what is on this machine alone: no host is asked. */
  settleHere?(direction: Direction, call: ActCall): Promise<string>
}

/** An act on a machine that was there: one that is gone since leaves nothing to be settled. */
export function onMachine(
  { name }: MachineAct,
  known: {
    way(direction: Direction): string
    isOver(machine: Machine, signal: AbortSignal): Promise<boolean>
    settle(machine: Machine, direction: Direction, call: ActCall): Promise<string>
  },
): KnownAct {
  return {
    way: known.way,
    isOver: async ({ machine }, signal) => machine === undefined || known.isOver(machine, signal),
    settle: async ({ host, machine, taken }, direction, call) => {
      if (machine !== undefined) return known.settle(machine, direction, call)
      const other = taken ? ' Another machine has its name there, and was not touched.' : ''
      return `${name} is not on ${host.name} any more: there is nothing to settle.${other}`
    },
  }
}
