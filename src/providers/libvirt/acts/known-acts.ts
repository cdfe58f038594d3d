/** The acts on machines that can be settled, by their verbs. How each is settled is in a file of its family. */
import type { Attributes } from '../../../model/value.js'
import type { MachineAct } from './journaled.js'
import type { KnownAct, Place } from './known-act.js'
import { readMachines } from './machines.js'
import type { NamedHost } from './open.js'

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

function isMachineAct(what: Attributes): boolean {
  return typeof what.name === 'string' && (what.uuid === undefined || typeof what.uuid === 'string')
}
