/** Settling acts on a machine's snapshots that were cut off. */
import type { Attributes } from '../../../model/value.js'
import { start } from '../power.js'
import type { ActCall } from './each.js'
import {
  readSnapshotAct,
  type SnapshotAct,
  type SnapshotCreateAct,
  type SnapshotDeleteAct,
  type SnapshotRestoreAct,
} from './journaled-snapshot.js'
import { type Direction, type KnownAct, onMachine } from './known-act.js'
import type { Machine } from './machines.js'
import { leftOver, noWay, untilIdle } from './settling.js'
import { createSnapshot, finishSnapshot } from './snapshot-create.js'
import { deleteSnapshot } from './snapshot-delete.js'
import { refreshDiskPools, removeVolumeAt, volumesAt } from './snapshot-overlays.js'
import { restoreSnapshot, settle } from './snapshot-restore.js'
import { readSnapshots } from './snapshots.js'

/** What settling it would do, in words. Fails where there is no such way. */
export function snapshotWay(act: SnapshotAct, direction: Direction): string {
  const { name } = act
  const forward = direction === 'forward'
  switch (act.verb) {
    case 'snapshot-create':
      return forward
        ? `The snapshot ${act.request.name} of ${name} is taken, where it is not there yet.`
        : `${name} has no snapshot ${act.request.name}: what is there of it is deleted, and what was written since stays.`
    case 'snapshot-delete':
      return forward
        ? `The snapshot ${act.snapshot} of ${name} is deleted, where it is still there.`
        : `The snapshot ${act.snapshot} of ${name} stays, unless it is merged already.`
    case 'snapshot-restore':
      if (forward)
        return `${name} is put back to its snapshot ${act.snapshot}; what was written since is lost.`
      requireNothingLost(act)
      return `${name} stays as it is${act.ran ? ', and runs' : ''}.`
  }
}

/** The act of a journal's record; undefined for what this version does not know. */
export function snapshotAct(what: Attributes): KnownAct | undefined {
  const act = readSnapshotAct(what)
  if (act === undefined) return undefined
  return onMachine(act, {
    way: direction => snapshotWay(act, direction),
    isOver: (machine, signal) => isOver(act, machine, signal),
    settle: async (before, direction, call) => {
      const machine = await untilIdle(before, call)
      if (machine === undefined) return `${act.name} is gone: there is nothing to settle.`
      switch (act.verb) {
        case 'snapshot-create':
          return direction === 'forward' ? taken(act, machine, call) : notTaken(act, machine, call)
        case 'snapshot-delete':
          return deleted(act, machine, direction, call)
        case 'snapshot-restore':
          return restored(act, machine, direction, call)
      }
    },
  })
}

/** What is half done is not over. */
async function isOver(act: SnapshotAct, machine: Machine, signal: AbortSignal): Promise<boolean> {
  const runs = machine.live !== undefined
  switch (act.verb) {
    case 'snapshot-create': {
      const left = await volumesAt(machine.host, Object.values(act.overlays), signal)
      return left.length === 0 && !(await hasSnapshot(machine, act.request.name, signal))
    }
    case 'snapshot-delete':
      return !(await hasSnapshot(machine, act.snapshot, signal))
    case 'snapshot-restore':
      // a guest that does not become ready was put back all the same
      if (act.stage === 'there') return act.start === undefined || act.start === runs
      return act.stage === 'begun' && act.ran === runs
  }
}

async function taken(act: SnapshotCreateAct, machine: Machine, call: ActCall): Promise<string> {
  const { request, name } = act
  if (await hasSnapshot(machine, request.name, call.signal)) {
    await finishSnapshot(machine, request, call.signal)
  } else {
    await removeStrays(act, machine, call.signal)
    await createSnapshot(machine, request, call.signal)
  }
  return `${name} has its snapshot ${request.name}.`
}

/** Afterwards there is no such snapshot, and no file of it. What was written since stays. */
export async function notTaken(
  act: Pick<SnapshotCreateAct, 'request' | 'overlays' | 'name'>,
  machine: Machine,
  call: ActCall,
): Promise<string> {
  const { request, name } = act
  if (await hasSnapshot(machine, request.name, call.signal)) {
    call.progress(`deletes the snapshot ${request.name}`)
    await deleteSnapshot(machine, request.name, call.signal)
  }
  await removeStrays(act, machine, call.signal)
  return `${name} has no snapshot ${request.name}.`
}

async function deleted(
  { snapshot, name }: SnapshotDeleteAct,
  machine: Machine,
  direction: Direction,
  call: ActCall,
): Promise<string> {
  const isThere = await hasSnapshot(machine, snapshot, call.signal)
  if (direction === 'back') {
    if (isThere) return `${name} still has its snapshot ${snapshot}.`
    throw noWay(name, direction, `Its snapshot ${snapshot} is merged, and what it kept is gone`)
  }
  if (isThere) {
    call.progress(`deletes the snapshot ${snapshot}`)
    await deleteSnapshot(machine, snapshot, call.signal)
  } else {
    await refreshDiskPools(machine.host, machine.stored, call.signal)
  }
  return `${name} has no snapshot ${snapshot} any more.`
}

async function restored(
  act: SnapshotRestoreAct,
  machine: Machine,
  direction: Direction,
  call: ActCall,
): Promise<string> {
  const { name, snapshot, stage, ran } = act
  if (direction === 'back') {
    requireNothingLost(act)
    if (ran) await start(machine.host, machine.domain, call.signal)
    return `${name} is as it was, and was not put back to ${snapshot}.`
  }
  const state =
    stage === 'there' ? await settle(machine, act.start, call) : await restoreAgain(act, machine, call)
  return `${name} is as it was at ${snapshot}; it is ${state}.`
}

/** That what was taken later goes was agreed to when it began. */
async function restoreAgain(act: SnapshotRestoreAct, machine: Machine, call: ActCall): Promise<string> {
  const options = { discardLater: true, ...(act.start !== undefined && { start: act.start }) }
  return (await restoreSnapshot(machine, act.snapshot, options, call)).state
}

function requireNothingLost({ stage, name, snapshot }: SnapshotRestoreAct): void {
  if (stage !== 'begun')
    throw noWay(name, 'back', `What was written since its snapshot ${snapshot} is gone, in part or whole`)
}

async function hasSnapshot({ host, domain }: Machine, name: string, signal: AbortSignal): Promise<boolean> {
  return (await readSnapshots(host, domain, signal)).some(one => one.snapshot.name === name)
}

/** Overlays that were made for a snapshot that was not taken. None of them was there before; one in use is no stray. */
async function removeStrays(
  { overlays, name }: Pick<SnapshotCreateAct, 'overlays' | 'name'>,
  { host, stored, live }: Machine,
  signal: AbortSignal,
): Promise<void> {
  const paths = Object.values(overlays)
  if (paths.length === 0) return
  await refreshDiskPools(host, stored, signal)
  const used = new Set([...stored.disks, ...(live?.disks ?? [])].map(disk => disk.path))
  for (const path of paths) if (!used.has(path)) await removeVolumeAt(host, path, signal)
  const left = await volumesAt(host, paths, signal)
  if (left.length > 0) throw leftOver(name, left)
}
