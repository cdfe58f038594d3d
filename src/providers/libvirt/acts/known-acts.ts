/** The acts on machines that can be settled, by their verbs. How each is settled is in a file of its family. */
import type { Attributes } from '../../../model/value.js'
import type { ActCall } from './each.js'
import type { MachineAct } from './journaled.js'
import { type Machine, readMachines } from './machines.js'
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

/** The act of a journal's record; undefined for what this version does not know. */
type ReadAct = (what: Attributes) => KnownAct | undefined

const power = async (): Promise<ReadAct> => (await import('./settle-power.js')).powerAct

const image = async (): Promise<ReadAct> => (await import('./settle-image.js')).imageAct
const snapshots = async (): Promise<ReadAct> => (await import('./settle-snapshot.js')).snapshotAct

const backups = async (): Promise<ReadAct> => (await import('./settle-backup.js')).backupAct

const families: Readonly<Record<string, () => Promise<ReadAct>>> = {
  start: power,
  stop: power,
  restart: power,
  reset: power,
  rescue: async () => (await import('./settle-rescue.js')).rescueAct,
  'rescue-end': async () => (await import('./settle-rescue.js')).rescueEndAct,
  'image-put': image,
  'image-delete': image,
  resize: async () => (await import('./settle-resize.js')).resizeAct,
  upgrade: async () => (await import('./settle-upgrade.js')).upgradeAct,
  'backup-create': backups,
  'backup-delete': backups,
  'backup-restore': backups,
  'snapshot-create': snapshots,
  'snapshot-delete': snapshots,
  'snapshot-restore': snapshots,
}

/** The act of a journal's record; undefined for what this version does not know. */
export async function knownAct(what: Attributes): Promise<KnownAct | undefined> {
  const verb = String(what.verb)
  const read = Object.hasOwn(families, verb) ? await families[verb]?.() : undefined
  return isMachineAct(what) ? read?.(what) : undefined
}

/** Of the machines of some acts on one host, what is there: read at once. */
export async function placesOn(
  host: NamedHost,
  acts: readonly Pick<MachineAct, 'name' | 'uuid'>[],
  signal: AbortSignal,
): Promise<(act: Pick<MachineAct, 'name' | 'uuid'>) => Place> {
  const wanted = new Set(acts.flatMap(({ name, uuid }) => (uuid === undefined ? [] : [name, uuid])))
  if (wanted.size === 0) return () => ({ host, machine: undefined, taken: false })
  const found = await readMachines(host, signal, ({ name, uuid }) => wanted.has(name) || wanted.has(uuid))
  const byUuid = new Map(found.map(one => [one.view.uuid, one]))
  const byName = new Map(found.map(one => [one.view.name, one]))
  return ({ name, uuid }) => {
    const named = byName.get(name)
    const machine = uuid === undefined ? undefined : byUuid.get(uuid)
    return { host, machine, taken: named !== undefined && named.view.uuid !== uuid }
  }
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

function isMachineAct(what: Attributes): boolean {
  return typeof what.name === 'string' && (what.uuid === undefined || typeof what.uuid === 'string')
}
