/**
 * Rounds of trouble on a real system: infra changes it, is killed or loses what it needs at a moment that a seed draws, and is
 * told to recover, which is cut off as well now and then. Then the system's own client says what came of it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ended, Running } from '../acceptance/desk.js'
import { type Dice, seededDice } from '../sim/dice.js'
import type { CrashSystem, Seen } from './system.js'
import { differs, misses, unaccounted } from './verdict.js'
import { type Work, work } from './work.js'

/** `infra`: it is killed. `room`: the disk with its state is full. Else a daemon of the system, which is killed and started again. */
export type Fault = string

export interface Plan {
  readonly seed: number
  readonly rounds: number
  readonly faults: readonly Fault[]
  /** No round is begun after this, in milliseconds since 1970. */
  readonly until?: number
  readonly say?: (line: string) => void
}

export interface Counts {
  rounds: number
  /** Processes of infra that were killed while they worked. */
  kills: number
  /** Of these, recoveries. */
  recoveriesCut: number
  /** Of all that were killed, those that had begun to write their journal. */
  amidWork: number
  /** Kills that came after the process had ended. */
  late: number
  daemonsKilled: number
  disksFull: number
  forward: number
  back: number
  /** Ended by infra itself, or cut off before anything was begun. */
  untouched: number
}

/** What is there at a serial of the state. */
interface Point {
  readonly variant: number
  readonly seen: Seen
}

interface Operation {
  readonly name: 'apply' | 'destroy' | 'rollback' | 'prune'
  readonly args: readonly string[]
  readonly target: Point | number
}

const nothing: Seen = { things: {}, kept: [] }

export async function crashRounds(system: CrashSystem, plan: Plan): Promise<Counts> {
  const dice = seededDice(plan.seed)
  const here = await work(system.stack(0), plan.faults.includes('room'))
  const counts: Counts = {
    ...{ rounds: 0, kills: 0, recoveriesCut: 0, amidWork: 0, late: 0, daemonsKilled: 0, disksFull: 0 },
    ...{ forward: 0, back: 0, untouched: 0 },
  }
  const rounds = roundsOf(system, here, dice, counts)
  let lost = false
  try {
    for (let number = 1; number <= plan.rounds && Date.now() < (plan.until ?? Infinity); number += 1) {
      const fault = dice.pick(plan.faults)
      const told: string[] = []
      const began = Date.now()
      try {
        await rounds.one(fault, line => told.push(line))
      } catch (error) {
        lost = true
        const story = told.map(line => `  ${line}\n`).join('')
        throw new Error(`seed ${plan.seed}, round ${number}:\n${story}${(error as Error).message}`, {
          cause: error,
        })
      }
      counts.rounds += 1
      plan.say?.(`${number}: ${told.map(line => line.split('\n')[0]).join(', ')}, ${Date.now() - began} ms`)
    }
    await rounds.end()
  } finally {
    if (lost && process.env.KEEP) process.stderr.write(`kept: ${here.folder}\n`)
    else await here.clear()
  }
  return counts
}

function roundsOf(system: CrashSystem, here: Work, dice: Dice, counts: Counts) {
  const points = new Map<number, Point>()
  let now: Point = { variant: 0, seen: nothing }
  let marks = 0
  /** About how long a command changes things, in milliseconds: learned from who ended before its moment. */
  const spans = new Map<string, number>()

  const draw = async (): Promise<Operation> => {
    const known = (await here.checkpoints()).filter(one => points.has(one.before))
    if (now.variant !== 0 && dice.chance(0.15)) return { name: 'destroy', args: ['destroy'], target: 0 }
    if (known.length > 0 && dice.chance(0.25)) {
      const { id, before } = dice.pick(known.slice(-3))
      return { name: 'rollback', args: ['rollback', '.', id], target: points.get(before) ?? 0 }
    }
    if (now.seen.kept.length > 0 && dice.chance(0.2)) {
      return { name: 'prune', args: ['checkpoint', 'prune'], target: now }
    }
    const others = Array.from({ length: system.variants - 1 }, (_, index) => index + 1)
    const target = dice.pick(others.filter(variant => variant !== now.variant))
    return { name: 'apply', args: ['apply'], target }
  }

  const started = (args: readonly string[]): Running => {
    const leave = args[0] === 'checkpoint' ? [] : ['--allow', 'deletes-data']
    return here.start(...args, '--yes', ...leave)
  }

  /** Waits for a moment of its work; most are while it changes things, some before. */
  const moment = async (name: string, running: Running, before: string) => {
    let over = false
    running.ended.finally(() => {
      over = true
    })
    if (name !== 'prune' && dice.chance(0.85)) await here.begun(running, before)
    const began = performance.now()
    const until = began + dice.roll(spans.get(name) ?? 1000)
    while (!over && performance.now() < until) await sleep(2)
    // Some kills come too late, so that all of the time is met.
    spans.set(name, Math.min(10_000, (spans.get(name) ?? 1000) * (over ? 0.75 : 1.1)))
    return !over
  }

  /** Runs a command while the fault strikes; what it printed, unless it was killed. */
  const disturbed = async (
    fault: Fault,
    name: string,
    args: readonly string[],
    tell: (line: string) => void,
  ) => {
    if (fault === 'room') await here.leave(dice.roll(700) << 10)
    const before = here.journal()
    const running = started(args)
    if (fault === 'infra') {
      if (await moment(name, running, before)) {
        await running.kill()
        const amid = here.journal() !== before
        counts.kills += 1
        if (amid) counts.amidWork += 1
        tell(`${name} killed${amid ? ' amid its work' : ''}`)
        return undefined
      }
      counts.late += 1
    } else if (fault !== 'room' && (await moment(name, running, before))) {
      await system.kill(fault)
      await sleep(dice.roll(1500))
      await system.start(fault)
      counts.daemonsKilled += 1
    }
    const ended = await running.ended
    if (fault === 'room') {
      if (ended.code === 5) counts.disksFull += 1
      await here.leave()
    } else if (fault !== 'infra') await system.start(fault)
    tell(`${name} under ${fault} ended with ${ended.code}`)
    wellTold(ended)
    return ended
  }

  /** Recoveries, the last of them to its end; whether it went on, back, or had nothing to do. */
  const settled = async (fault: Fault, tell: (line: string) => void) => {
    for (let cuts = dice.roll(fault === 'infra' ? 10 : 2); cuts > 0; cuts -= 1) {
      const way = dice.chance(0.5) ? '--forward' : '--back'
      const ended = await disturbed('infra', 'recover', ['recover', way], tell)
      if (ended === undefined) counts.recoveriesCut += 1
      else if (ended.code === 0) return wayOf(ended)
    }
    const way = dice.chance(0.5) ? '--forward' : '--back'
    const ended = await started(['recover', way]).ended
    tell(`recover ${way} ended with ${ended.code}`)
    return wayOf(ended)
  }

  const faultsOf = (seen: Seen, { target }: Operation) =>
    typeof target === 'number' ? misses(seen, system.expected(target), now.seen) : differs(seen, target.seen)

  /** Holds what is there against what was and what was to be; says which of them it is. */
  const judged = async (operation: Operation, way: 'forward' | 'back' | undefined) => {
    const seen = await system.look()
    const [undone, unmet] = [differs(seen, now.seen), faultsOf(seen, operation)]
    const wrong = way === 'back' ? undone : way === 'forward' ? unmet : undone.length === 0 ? [] : unmet
    const accounts = unaccounted(system, seen, await here.document(), await here.checkpoints())
    if (wrong.length + accounts.length > 0)
      throw new Error(`settled ${way ?? 'by itself'}, and\n${[...wrong, ...accounts].join('\n')}`)
    const reached = unmet.length === 0 && (undone.length > 0 || way === 'forward')
    const target = typeof operation.target === 'number' ? operation.target : operation.target.variant
    return { variant: reached ? target : now.variant, seen, reached }
  }

  /** A second recovery, and a plan, find nothing to do and change nothing. */
  const quiet = async ({ variant, seen }: Point) => {
    await here.write('stack.yaml', system.stack(variant))
    const [again, { code, text }] = await Promise.all([
      here.ok('recover', '--back', '--yes'),
      here.infra('plan', '--detailed-exitcode'),
    ])
    if (!again.includes('nothing to recover'))
      throw new Error(`a second recovery had something to do:\n${again}`)
    if (code !== 0) throw new Error(`the next plan ended with ${code}:\n${text}`)
    const changed = differs(await system.look(), seen)
    if (changed.length > 0) throw new Error(`a second recovery changed something:\n${changed.join('\n')}`)
  }

  const pruned = async () => {
    await here.ok('checkpoint', 'prune', '--yes')
    const seen = await system.look()
    const wrong = [...differs(seen, now.seen), ...seen.kept.map(name => `${name} is still kept`)]
    if (wrong.length > 0) throw new Error(`pruned, and\n${wrong.join('\n')}`)
    now = { ...now, seen }
  }

  return {
    async one(fault: Fault, tell: (line: string) => void) {
      const operation = await draw()
      const { name, args, target } = operation
      if (name === 'apply' && typeof target === 'number') await here.write('stack.yaml', system.stack(target))
      tell(`${name} ${typeof target === 'number' ? target : target.variant} from ${now.variant}`)
      const ended = await disturbed(fault, name, args, tell)
      if (name === 'prune') return pruned()
      const way = await settled(fault, tell)
      if (ended?.code === 0 && way !== undefined)
        throw new Error(`it ended well, and left something open:\n${ended.text}`)
      const { variant, seen, reached } = await judged(operation, ended?.code === 0 ? 'forward' : way)
      counts[way ?? 'untouched'] += 1
      tell(`settled ${way ?? 'by itself'}, ${reached ? 'reached' : 'as before'}`)
      now = { variant, seen: await system.mark(seen, () => `mark ${++marks}`) }
      await quiet(now)
      const serial = (await here.document())?.serial
      if (serial !== undefined) points.set(serial, now)
    },
    /** Takes all away, and finds nothing. */
    async end() {
      await here.ok('destroy', '--yes', '--allow', 'deletes-data')
      now = { variant: 0, seen: { things: {}, kept: [] } }
      await pruned()
    },
  }
}

/** Where a recovery came to that was not cut off. */
function wayOf({ code, text }: Ended): 'forward' | 'back' | undefined {
  // The way forward may be closed by what the fault left behind in the system; then all of it is as it was.
  if (code === 4 && text.includes('everything is as it was before')) return 'back'
  if (code !== 0) throw new Error(`the recovery was not carried out:\n${text}`)
  if (text.includes('nothing to recover')) return undefined
  return text.includes('Rolled back') ? 'back' : 'forward'
}

/** Whatever happens, it is told in the words of the errors, and never as a defect of infra. */
function wellTold({ code, text }: { readonly code: number | undefined; readonly text: string }): void {
  const broken = /^\s+at .+:\d+:\d+\)?$|unexpected error|TypeError|RangeError|ReferenceError/m.exec(text)
  if (broken || ![0, 2, 3, 4, 5].includes(code ?? -1)) throw new Error(`it ended with ${code}:\n${text}`)
}
