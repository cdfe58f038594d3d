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
import { type Ended, type Machine, runProcess, worldFiles, worldFolder } from './process.js'
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

export async function runHistory(history: History): Promise<Told> {
  const machine = newMachine(history.seed, history.parallelism, history.seed % 3 !== 0)
  const settled: Told['settled'] = { applied: 0, 'rolled-back': 0, stopped: 0, none: 0 }
  const refused: Told['refused'] = new Map()
  const released = new Set<string>()
  for (const [index, round] of history.rounds.entries()) {
    try {
      settled[await runRound(machine, round, released, refused)] += 1
    } catch (error) {
      throw new Error(`round ${index + 1}: ${(error as Error).message}`, { cause: error })
    }
  }
  return { ...machine.told, settled, refused }
}

async function runRound(
  machine: Machine,
  round: Round,
  released: Set<string>,
  refused: Told['refused'],
): Promise<Settled> {
  const before = await look(machine)
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
  await mustBeQuiet(machine, after)
  if (!disturbed && settled === 'applied') await mustBeReached(machine, round, unread)
  return settled
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

/** A second recovery, and a second look, change nothing. */
async function mustBeQuiet(machine: Machine, after: Snapshot): Promise<void> {
  const again = await runProcess(machine, {}, [], process => settle(process, 'back'))
  if (again.how !== 'done' || again.value) throw new Error('a second recovery found something to do')
  if (fingerprint(await look(machine)) !== fingerprint(after))
    throw new Error('a second recovery changed something')
}

/** The next plan of the same stack has nothing to do, but for what the last one could not read. */
async function mustBeReached(
  machine: Machine,
  { operation }: Round,
  unread: ReadonlySet<string>,
): Promise<void> {
  if (operation.do !== 'apply' && operation.do !== 'destroy' && operation.do !== 'accept') return
  const desired = operation.do === 'apply' ? stackOf(operation.stack) : []
  const next = await runProcess(machine, {}, [], process =>
    planOf(process, desired, {
      mode: operation.do as 'apply',
      ...(operation.do === 'apply' && { restart: operation.restart }),
    }),
  )
  if (next.how !== 'done') throw new Error('the next plan failed')
  const left = next.value.plan.steps.filter(({ address }) => !unread.has(address))
  const steps = left.map(step => `${step.id} (${step.cause})`)
  if (steps.length > 0) throw new Error(`the next plan has still to do: ${steps.join(', ')}`)
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
