/** Runs one history: rounds of trouble, each recovered from and held against what must be. */
import type { Outcome } from '../../src/apply/transaction.js'
import { type InfraError, InfraErrors } from '../../src/model/error.js'
import { openWorld } from '../../src/providers/embedded/world.js'
import { seededDice } from './dice.js'
import type { History, Round, Trouble } from './draw.js'
import { stackOf } from './draw.js'
import { simDisk } from './files.js'
import { orphans, type Settled, settledAs, violations } from './invariants.js'
import { simLocks } from './locker.js'
import { simClock, simRandom } from './machine.js'
import { operate, planOf, settle } from './operate.js'
import { type Ended, type Machine, type Process, runProcess, worldFiles, worldFolder } from './process.js'
import { fingerprint, look, type Snapshot } from './snapshot.js'

/** What came of a history, to be counted. */
export interface Told {
  processes: number
  points: number
  /** The points at which processes crashed, by what they were about. */
  readonly crashes: string[]
  settled: Record<Settled, number>
  /** Errors that were told to the user, by code. */
  refused: Map<string, number>
}

export function newMachine(seed: number, parallelism: number, remote: boolean): Machine {
  const dice = seededDice(seed)
  return {
    disk: simDisk(dice),
    cloud: remote ? simDisk(dice) : undefined,
    dice,
    clock: simClock(),
    random: simRandom(dice),
    locks: simLocks(),
    parallelism,
    strangers: { made: new Set(), begun: new Set(), destroyed: new Set(), changed: new Set() },
    told: { processes: 0, points: 0, crashes: [] },
  }
}

/** A machine between two rounds. Many histories can go on from one. */
export interface Stage {
  readonly machine: Machine
  /** UUIDs of objects that infra let go of on purpose. */
  readonly released: ReadonlySet<string>
  readonly seen: Snapshot
}

/** A machine that is new, from the seed on. */
async function firstStage({ seed, parallelism }: History): Promise<Stage> {
  const machine = newMachine(seed, parallelism, isRemote(seed))
  return { machine, released: new Set(), seen: await look(machine) }
}

/** Whether the system below has a disk of its own in the history of this seed. */
export function isRemote(seed: number): boolean {
  return seed % 3 !== 0
}

/** The same machine apart, with the dice of another seed. */
function forked({ machine, released, seen }: Stage, seed: number): Stage {
  const dice = seededDice(seed)
  const { strangers, told } = machine
  const copy: Machine = {
    disk: machine.disk.copy(dice),
    cloud: machine.cloud?.copy(dice),
    dice,
    clock: simClock(machine.clock.now()),
    random: simRandom(dice),
    locks: simLocks(),
    parallelism: machine.parallelism,
    strangers: {
      made: new Set(strangers.made),
      begun: new Set(strangers.begun),
      destroyed: new Set(strangers.destroyed),
      changed: new Set(strangers.changed),
    },
    told: { ...told, crashes: [...told.crashes] },
  }
  return { machine: copy, released, seen }
}

/** Runs a history: all of it, or what follows the stage, which the history is the continuation of. */
export async function runHistory(history: History, from?: Stage): Promise<Told & { readonly stage: Stage }> {
  let stage = from ? forked(from, history.seed) : await firstStage(history)
  const { machine } = stage
  const settled: Told['settled'] = { applied: 0, 'rolled-back': 0, stopped: 0, none: 0 }
  const refused: Told['refused'] = new Map()
  for (const [index, round] of history.rounds.entries()) {
    try {
      const ended = await runRound(stage, round, refused)
      settled[ended.settled] += 1
      stage = ended.stage
    } catch (error) {
      throw new Error(`round ${index + 1}: ${(error as Error).message}`, { cause: error })
    }
  }
  return { ...machine.told, settled, refused, stage }
}

async function runRound(
  { machine, seen: before, released: former }: Stage,
  round: Round,
  refused: Told['refused'],
): Promise<{ readonly settled: Settled; readonly stage: Stage }> {
  const released = new Set(former)
  const left = new Set<string>()
  let disturbed = false
  let lied = false
  const run = async (trouble: Trouble, work: Parameters<typeof runProcess<Outcome | undefined>>[3]) => {
    lied ||= trouble.calls?.some(({ on, does }) => on === 'read' && does === 'lie') === true
    disturbed ||= lied || (trouble.outsiders?.length ?? 0) > 0
    const ended = await runProcess(machine, trouble, round.choices, work)
    checkErrors(ended, refused)
    if (ended.how === 'done') for (const { address } of ended.value?.left ?? []) left.add(address)
    return ended
  }
  const unread = new Set<string>()
  await run(round.trouble, process => operate(process, round.operation, unread))
  for (const { direction, trouble } of round.recoveries)
    await run(trouble, process => settle(process, direction))
  const last = await run({}, process => settle(process, round.last))
  if (!disturbed) mustSettle(last, round)
  if (disturbed && last.how === 'refused') {
    // What others did may close one way, and sometimes both: then it is told what is in it, and goes on once that is seen to.
    const other = round.last === 'forward' ? 'back' : 'forward'
    const again = await run({}, process => settle(process, other))
    if (again.how === 'refused' && (await strangersGo(machine))) {
      const back = await run({}, process => settle(process, 'back'))
      if (back.how === 'refused') throw new Error(`nothing is in the way any more: ${told(back.error)}`)
    }
  }
  const after = await look(machine)
  const settled = settledAs(before, after)
  for (const one of after.checkpoints.at(-1)?.left ?? []) left.add(one.address)
  for (const uuid of letGo(before, after, round, settled)) released.add(uuid)
  const wrong = violations({
    ...{ machine, operation: round.operation, before, after, settled, left, released, disturbed, lied },
  })
  if (wrong.length > 0) throw new Error(`settled as ${settled}: ${wrong.join('; ')}`)
  for (const { identity } of orphans({ machine, after, released })) released.add(identity.uuid ?? '')
  await mustBeQuiet(machine, after, disturbed || settled !== 'applied' ? undefined : planAgain(round, unread))
  return { settled, stage: { machine, released, seen: after } }
}

/** Others take away what they made. True where there was any of it. */
async function strangersGo(machine: Machine): Promise<boolean> {
  const { strangers } = machine
  const world = await openWorld(worldFiles(machine), worldFolder(machine))
  const theirs = [...world.all()].filter(one => strangers.begun.has(one.identity.uuid ?? ''))
  for (const one of theirs) {
    await world.remove(one)
    strangers.destroyed.add(one.identity.uuid ?? '')
    if (one.data) strangers.destroyed.add(one.data)
  }
  await world.close()
  return theirs.length > 0
}

/** The recovery that met no trouble came through, the way it was told. */
function mustSettle(last: Ended<Outcome | undefined>, round: Round): void {
  if (last.how === 'refused') throw new Error(`the recovery ${round.last} was refused: ${told(last.error)}`)
  if (last.how !== 'done' || !last.value) return
  const wanted = round.last === 'forward' ? 'applied' : 'rolled-back'
  if (last.value.result === wanted) return
  const failures = last.value.failures.map(one => told(one.error)).join('; ')
  throw new Error(`the recovery ${round.last} came to ${last.value.result}: ${failures}`)
}

/** What is looked at once there is nothing to recover. */
type Again = (process: Process) => Promise<void>

/** A second recovery, a plan after it, and a second look, change nothing. */
async function mustBeQuiet(machine: Machine, after: Snapshot, plan: Again | undefined): Promise<void> {
  const bytes = bytesOf(machine)
  const again = await runProcess(machine, {}, [], async process => {
    const settled = await settle(process, 'back')
    if (!settled) await plan?.(process)
    return settled
  })
  if (again.how === 'refused')
    throw new Error(`a second recovery, or a plan, was refused: ${told(again.error)}`)
  if (again.how !== 'done' || again.value) throw new Error('a second recovery found something to do')
  if (sameBytes(bytes, bytesOf(machine))) return
  if (fingerprint(await look(machine)) !== fingerprint(after))
    throw new Error('a second recovery changed something')
}

function bytesOf({ disk, cloud }: Machine): readonly ReadonlyMap<string, Uint8Array>[] {
  return [disk.contents(), ...(cloud ? [cloud.contents()] : [])]
}

function sameBytes(one: ReturnType<typeof bytesOf>, other: ReturnType<typeof bytesOf>): boolean {
  return one.every((files, index) => {
    const others = other[index]
    if (others?.size !== files.size) return false
    return [...files].every(
      ([path, bytes]) => Buffer.compare(bytes, others.get(path) ?? Buffer.alloc(0)) === 0,
    )
  })
}

/** The next plan of the same stack has nothing to do, but for what the last one could not read. */
function planAgain({ operation }: Round, unread: ReadonlySet<string>): Again | undefined {
  if (operation.do !== 'apply' && operation.do !== 'destroy' && operation.do !== 'accept') return undefined
  const desired = operation.do === 'apply' ? stackOf(operation.stack) : []
  const options = {
    mode: operation.do,
    ...(operation.do === 'apply' && { restart: operation.restart }),
  } as const
  return async process => {
    const { plan } = await planOf(process, desired, options)
    const left = plan.steps.filter(({ address }) => !unread.has(address))
    const steps = left.map(step => `${step.id} (${step.cause})`)
    if (steps.length > 0) throw new Error(`the next plan has still to do: ${steps.join(', ')}`)
  }
}

/** Objects that the round let go of: forgotten by an edit, or kept when their resource was taken out. */
function letGo(before: Snapshot, after: Snapshot, { operation }: Round, settled: Settled): string[] {
  const stays = new Set(Object.values(after.state?.resources ?? {}).map(one => one.identity.uuid))
  const all = operation.do === 'forget' && settled === 'none'
  return Object.values(before.state?.resources ?? {}).flatMap(({ identity, lifecycle }) => {
    const { uuid = '' } = identity
    return !stays.has(uuid) && (all || lifecycle.retainOnDelete) ? [uuid] : []
  })
}

/** Whatever a user is told is an error of the family, and none of them says that infra itself is wrong. */
function checkErrors(ended: Ended<Outcome | undefined>, refused: Told['refused']): void {
  const errors =
    ended.how === 'refused'
      ? ended.error instanceof InfraErrors
        ? ended.error.errors
        : [ended.error]
      : ended.how === 'done'
        ? (ended.value?.failures ?? []).map(failure => failure.error)
        : []
  for (const error of errors) {
    refused.set(error.code, (refused.get(error.code) ?? 0) + 1)
    if (['unexpected', 'broken-plan', 'state-unfit', 'broken-journal'].includes(error.code))
      throw new Error(`an error that must not be: ${told(error)}`)
  }
}

function told(error: InfraError | InfraErrors): string {
  if (error instanceof InfraErrors) return error.errors.map(told).join('; ')
  return `${error.code} ${error.address ?? ''} ${error.message}${error.why ? ` (${error.why})` : ''}`
}
