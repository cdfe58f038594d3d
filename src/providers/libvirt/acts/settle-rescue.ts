/** Settling the begin or the end of a rescue that was cut off. */
import type { Attributes, Json } from '../../../model/value.js'
import { start } from '../power.js'
import type { ActCall } from './each.js'
import type { MachineAct } from './journaled.js'
import { type Direction, type KnownAct, onMachine } from './known-act.js'
import type { Machine } from './machines.js'
import { afterRescue, beginRescue, endRescue, requireRescue, undoRescue } from './rescue.js'

export interface RescueAct extends MachineAct {
  readonly verb: 'rescue'
  /** Whether it ran before. */
  readonly running: boolean
  /** What it is to boot from: one of the two. */
  readonly iso?: string
  readonly image?: string
  readonly timeoutSeconds?: number
}

export interface RescueEndAct extends MachineAct {
  readonly verb: 'rescue-end'
  /** Whether it ran in rescue. */
  readonly was: boolean
  /** Whether it is to run afterwards. */
  readonly starts: boolean
  readonly medium: string
  /** Whether it ran before the rescue. */
  readonly running: boolean
  /** `POOL:VOLUME` that was made for the rescue. */
  readonly volume?: string
  readonly timeoutSeconds?: number
}

/** The act of a journal's record; undefined for what this version does not know. */
export function rescueAct(what: Attributes): KnownAct | undefined {
  const { running, iso, image, timeoutSeconds } = what
  const whole =
    typeof running === 'boolean' &&
    areTexts(iso, image) &&
    (iso ?? image) !== undefined &&
    isTime(timeoutSeconds)
  if (!whole) return undefined
  const act = what as unknown as RescueAct
  return onMachine(act, {
    way: direction => rescueWay(act, direction),
    // one that fails is put back, and says so itself
    isOver: async () => false,
    async settle(machine, direction, call) {
      if (direction === 'back') await undoRescue(machine, act, call)
      else if (machine.view.rescue) await startIt(machine, call)
      else await beginRescue(machine, act, call)
      const forward = direction === 'forward'
      await requireRescue(machine, { rescue: forward, runs: forward || act.running }, call.signal)
      return rescueWay(act, direction)
    },
  })
}

/** What settling it would do, in words. */
export function rescueWay({ name, iso, image, running }: RescueAct, direction: Direction): string {
  return direction === 'forward'
    ? `${name} boots from ${iso ?? image}, with its own disks attached.`
    : `${name} has its own disks alone, and ${running ? 'runs' : 'is off'}, as before.`
}

/** The act of a journal's record; undefined for what this version does not know. */
export function rescueEndAct(what: Attributes): KnownAct | undefined {
  const whole =
    [what.was, what.starts, what.running].every(one => typeof one === 'boolean') &&
    typeof what.medium === 'string' &&
    areTexts(what.volume) &&
    isTime(what.timeoutSeconds)
  if (!whole) return undefined
  const act = what as unknown as RescueEndAct
  return onMachine(act, {
    way: direction => rescueEndWay(act, direction),
    isOver: async ({ view }) =>
      view.rescue && (view.state === 'running' || view.state === 'paused') === act.was,
    settle: (machine, direction, call) => settleEnd(act, machine, direction, call),
  })
}

/** What settling it would do, in words. */
export function rescueEndWay({ name, medium, starts, volume }: RescueEndAct, direction: Direction): string {
  if (direction === 'forward')
    return `${name} has its own disks alone again, and ${starts ? 'runs' : 'is off'}.`
  const fresh =
    volume === undefined ? '' : '; what was written to its rescue disk is gone where that is removed already'
  return `${name} stays in rescue, booted from ${medium}${fresh}.`
}

async function settleEnd(
  act: RescueEndAct,
  machine: Machine,
  direction: Direction,
  call: ActCall,
): Promise<string> {
  const { starts, was, medium, running, volume, timeoutSeconds } = act
  const time = timeoutSeconds === undefined ? {} : { timeoutSeconds }
  if (direction === 'forward') {
    if (machine.view.rescue) await endRescue(machine, { ...time, start: starts }, call)
    else await afterRescue(machine, volume, starts, call)
  } else if (!machine.view.rescue) {
    await beginRescue(
      machine,
      { ...time, running, ...(volume === undefined ? { iso: medium } : { image: medium }) },
      call,
    )
  } else if (was) await startIt(machine, call)
  const stays = direction === 'back'
  const runs = stays ? was || !machine.view.rescue : starts
  await requireRescue(machine, { rescue: stays, runs }, call.signal)
  return rescueEndWay(act, direction)
}

async function startIt({ host, domain }: Machine, { signal }: ActCall): Promise<void> {
  await start(host, domain, signal)
}

function areTexts(...values: readonly (Json | undefined)[]): boolean {
  return values.every(one => one === undefined || typeof one === 'string')
}

function isTime(value: Json | undefined): boolean {
  return value === undefined || typeof value === 'number'
}
