/** Settling a change of CPUs, memory or disks that was cut off. */
import { type Attributes, isObject, type Json } from '../../../model/value.js'
import type { ActCall } from './each.js'
import type { MachineAct } from './journaled.js'
import { type Direction, type KnownAct, onMachine } from './known-act.js'
import type { Machine } from './machines.js'
import { growDisks } from './resize.js'
import { applySizes, putSizesBack, requireSizes, type Sizes } from './sizes.js'

export interface ResizeAct extends MachineAct {
  readonly verb: 'resize'
  /** What it had of what was to be changed, and was to have. */
  readonly from: Sizes
  readonly to: Sizes
  readonly disks: readonly {
    readonly device: string
    /** As the document has it. */
    readonly path: string
    readonly fromGiB: number
    readonly toGiB: number
  }[]
}

/** The act of a journal's record; undefined for what this version does not know. */
export function resizeAct(what: Attributes): KnownAct | undefined {
  if (!areSizes(what.from) || !areSizes(what.to) || !areDisks(what.disks)) return undefined
  const act = what as unknown as ResizeAct
  return onMachine(act, {
    way: direction => resizeWay(act, direction),
    // one that fails puts back what it has changed, and says so itself
    isOver: async () => false,
    settle: (machine, direction, call) => settleResize(act, machine, direction, call),
  })
}

/** What settling it would do, in words. */
export function resizeWay({ name, from, to, disks }: ResizeAct, direction: Direction): string {
  const grown = disks.map(one => `${one.device} ${one.toGiB} GiB`)
  if (direction === 'forward') return `${name} gets ${[...sizesInWords(to), ...grown].join(', ')}.`
  const kept =
    disks.length === 0
      ? ''
      : ` A disk that has grown keeps its size: disks do not shrink (${grown.join(', ')}).`
  const back = sizesInWords(from)
  return back.length === 0
    ? `${name} stays as it is.${kept}`
    : `${name} has ${back.join(', ')}, as before.${kept}`
}

async function settleResize(
  act: ResizeAct,
  machine: Machine,
  direction: Direction,
  { signal }: ActCall,
): Promise<string> {
  const { name, from, to, disks } = act
  if (direction === 'back') {
    await putSizesBack(machine, from, to, signal)
    return resizeWay(act, 'back')
  }
  await applySizes(machine, to, signal)
  await requireSizes(machine, to, signal)
  await growDisks(machine, Object.fromEntries(disks.map(one => [one.device, one.toGiB])), signal)
  const has = [...sizesInWords(to), ...disks.map(one => `${one.device} ${one.toGiB} GiB`)]
  return `${name} has ${has.join(', ')}.`
}

function sizesInWords({ vcpus, memoryGiB }: Sizes): string[] {
  return [
    ...(vcpus === undefined ? [] : [`${vcpus.now} vCPUs`]),
    ...(memoryGiB === undefined ? [] : [`${memoryGiB.now} GiB of memory`]),
  ]
}

function areSizes(value: Json | undefined): boolean {
  if (!isObject(value)) return false
  return [value.vcpus, value.memoryGiB].every(
    one =>
      one === undefined || (isObject(one) && typeof one.now === 'number' && typeof one.limit === 'number'),
  )
}

function areDisks(value: Json | undefined): boolean {
  const isDisk = (one: Json) =>
    isObject(one) &&
    typeof one.device === 'string' &&
    typeof one.path === 'string' &&
    typeof one.fromGiB === 'number' &&
    typeof one.toGiB === 'number'
  return Array.isArray(value) && value.every(isDisk)
}
