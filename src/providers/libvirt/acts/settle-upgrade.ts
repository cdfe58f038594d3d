/** Settling an upgrade of a machine's software that was cut off. */
import type { Attributes } from '../../../model/value.js'
import type { ActCall } from './each.js'
import { readUpgradeAct, type UpgradeAct } from './journaled-upgrade.js'
import { type Direction, type KnownAct, onMachine } from './known-act.js'
import type { Machine } from './machines.js'
import { notTaken } from './settle-snapshot.js'
import { noWay, untilIdle } from './settling.js'
import { deleteSnapshot } from './snapshot-delete.js'
import { readSnapshots } from './snapshots.js'
import { finishUpgrade, putBack, upgradeMachine } from './upgrade.js'

/** The act of a journal's record; undefined for what this version does not know. */
export function upgradeAct(what: Attributes): KnownAct | undefined {
  const act = readUpgradeAct(what)
  if (act === undefined) return undefined
  return onMachine(act, {
    way: direction => upgradeWay(act, direction),
    // what ended without harm said so itself
    isOver: async () => false,
    settle: async (before, direction, call) => {
      const machine = await untilIdle(before, call)
      if (machine === undefined) return `${act.name} is gone: there is nothing to settle.`
      return direction === 'forward' ? completed(act, machine, call) : takenBack(act, machine, call)
    },
  })
}

/** What settling it would do, in words. Fails where there is no such way. */
export function upgradeWay(act: UpgradeAct, direction: Direction): string {
  const { name, snapshot, stage, choice } = act
  if (direction === 'back') {
    requireTheWayBack(act)
    return stage === 'snapshot'
      ? `${name} goes on as it is: its upgrade had not begun, and the snapshot ${snapshot} goes.`
      : `${name} is put back to its snapshot ${snapshot}, where it still has it, and started.`
  }
  const rest = choice.keepSnapshot ? '' : `; its snapshot ${snapshot} goes`
  return stage === 'upgraded'
    ? `${name} is upgraded${rest}.`
    : `${name} is upgraded to the end, and proved${rest}.`
}

async function completed(act: UpgradeAct, machine: Machine, call: ActCall): Promise<string> {
  const { name, snapshot, stage, choice } = act
  if (stage === 'snapshot') {
    await notTaken(ofSnapshot(act), machine, call)
    await upgradeMachine(machine, choice, call)
    return `${name} is upgraded.`
  }
  if (stage === 'upgrading') await finishUpgrade(machine, act, call)
  if (choice.keepSnapshot) return `${name} is upgraded; its snapshot ${snapshot} is kept.`
  if (await hasIt(act, machine, call)) await deleteSnapshot(machine, snapshot, call.signal)
  return `${name} is upgraded, and has no snapshot ${snapshot} any more.`
}

async function takenBack(act: UpgradeAct, machine: Machine, call: ActCall): Promise<string> {
  requireTheWayBack(act)
  const { name, snapshot, stage } = act
  const isThere = await hasIt(act, machine, call)
  if (stage === 'upgrading' && isThere) await putBack(machine, snapshot, call)
  else await notTaken(ofSnapshot(act), machine, call)
  // it goes once it was put back, and somebody may have deleted it: nothing there tells which it was
  if (stage === 'upgrading' && !isThere)
    return `${name} had no snapshot ${snapshot} any more, and stays as it is: it was put back before, or what its upgrade did is still there.`
  return `${name} is as it was before its upgrade, and has no snapshot ${snapshot}.`
}

function requireTheWayBack({ name, stage }: UpgradeAct): void {
  if (stage === 'upgraded')
    throw noWay(name, 'back', 'Its upgrade went well, and the snapshot from before it is going')
}

async function hasIt(
  { snapshot }: UpgradeAct,
  { host, domain }: Machine,
  { signal }: ActCall,
): Promise<boolean> {
  return (await readSnapshots(host, domain, signal)).some(one => one.snapshot.name === snapshot)
}

function ofSnapshot({ name, snapshot, overlays }: UpgradeAct): Parameters<typeof notTaken>[0] {
  return { name, request: { name: snapshot }, overlays }
}
