/**
 * Store, journal and checkpoints on a simulated disk: a crash at every point of several applies, by a kill and by a loss of
 * power, and then a second crash in the recovery. What was promised must be there, what is there must make sense, and the
 * next process must end where all would have ended.
 */
import { describe, expect, it } from 'vitest'
import { stateBefore } from '../../src/apply/checkpoint.js'
import { readJournal } from '../../src/apply/journal.js'
import { InfraError } from '../../src/model/error.js'
import { openStore } from '../../src/state/store.js'
import { seededDice } from '../sim/dice.js'
import { Crash, type SimDisk, simDisk } from '../sim/files.js'
import {
  applies,
  expectedState,
  folder,
  nothingPromised,
  type Promised,
  runApplies,
  wholeCheckpoints,
} from './scenario.js'

type End = 'kill' | 'power'

/** Runs until the end or the crash; anything else that is thrown is a failure. */
async function runUntilCrash(disk: SimDisk, promised: Promised): Promise<void> {
  try {
    await runApplies(disk.files, promised)
  } catch (error) {
    if (!disk.crashed()) throw error
  }
}

function reborn(disk: SimDisk, end: End): SimDisk {
  return end === 'kill' ? disk.killProcess() : disk.losePower()
}

/** Runs to the end or to the first error that tells of the disk. */
async function runUntilRefused(disk: SimDisk, promised: Promised): Promise<unknown> {
  try {
    await runApplies(disk.files, promised)
    return undefined
  } catch (error) {
    if (error instanceof InfraError && error.kind === 'storage') return error
    throw error
  }
}

/** What must hold on the disk after a crash, whatever the process was doing. */
async function check(disk: SimDisk, promised: Promised): Promise<void> {
  const state = await openStore(disk.files, folder).read()
  const serial = state?.serial ?? 0
  expect([promised.serial, promised.serial + 1], 'the state is the old or the new').toContain(serial)
  if (state) expect(state, 'the state is one that was written').toEqual(expectedState(serial))
  const journal = await readJournal(disk.files, folder)
  const moved = serial > promised.serial || promised.removing
  if (journal) {
    const [open] = journal.records
    const own =
      open?.type === 'open' && promised.handed[0]?.type === 'open' && open.id === promised.handed[0].id
    // A removed journal whose removal was not synced may be there again: the state is past it, and the next process sees that.
    if (!own) expect(open?.type === 'open' && open.serial, 'a journal of long ago').toBeLessThan(serial)
    else {
      expect(journal.records, 'the journal holds what was handed to it').toEqual(
        promised.handed.slice(0, journal.records.length),
      )
      if (!moved) expect(journal.records.length).toBeGreaterThanOrEqual(promised.durable.length)
    }
  } else if (!moved) expect(promised.durable, 'a durable journal is not lost').toEqual([])
  const checkpoints = await wholeCheckpoints(disk.files)
  if (!state) return
  const leading = checkpoints.filter(checkpoint => checkpoint.after <= serial)
  expect(leading.map(checkpoint => checkpoint.before)).toEqual(
    Array.from({ length: serial - 1 }, (_, index) => index + 1),
  )
  for (const { id, before } of leading) {
    expect(stateBefore(state, checkpoints, id), `the state before ${id}`).toEqual(expectedState(before))
  }
}

/** The next process comes to the end that there would have been without a crash. */
async function checkEnd(disk: SimDisk): Promise<void> {
  await runApplies(disk.files, nothingPromised())
  const store = openStore(disk.files, folder)
  expect(await store.read()).toEqual(expectedState(applies + 1))
  expect(await readJournal(disk.files, folder)).toBeUndefined()
  // A crash may leave an older one to be pruned the next time.
  expect((await store.generations()).slice(0, 2)).toEqual([3, 2])
  expect((await store.generation(3)).serial).toBe(3)
  const checkpoints = await wholeCheckpoints(disk.files)
  expect(checkpoints.map(one => [one.before, one.kept.map(kept => kept.token)])).toEqual([
    [1, []],
    [2, []],
    [3, ['vm-2-0']],
  ])
  // The room held back may be there again after a loss of power; the next journal takes it over.
  expect(disk.paths().filter(path => /\.tmp$|journal\.ndjson$/.test(path))).toEqual([])
}

async function history(seed: number, crashAt: number, end: End, again: number): Promise<void> {
  const dice = seededDice(seed)
  const disk = simDisk(dice, { crashAt })
  const promised = nothingPromised()
  await runUntilCrash(disk, promised)
  let next = reborn(disk, end)
  await check(next, promised)
  if (again > 0) {
    next.faults.crashAt = again
    const second = nothingPromised()
    second.serial = (await openStore(next.files, folder).read())?.serial ?? 0
    await runUntilCrash(next, second)
    const after = reborn(next, end === 'kill' ? 'power' : 'kill')
    if (next.crashed() && second.handed.length > 0) await check(after, second)
    next = after
  }
  await checkEnd(next)
}

async function replayable(seed: number, crashAt: number, end: End, again: number): Promise<void> {
  try {
    await history(seed, crashAt, end, again)
  } catch (error) {
    throw new Error(`history(${seed}, ${crashAt}, '${end}', ${again}): ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Different losses of power at each point. `CRASH_SEEDS=50` looks longer. */
const seeds = Number(process.env.CRASH_SEEDS ?? 1)

describe('a crash at every point of the disk', () => {
  it(
    'loses nothing that was promised and leaves nothing torn',
    async () => {
      const whole = simDisk(seededDice(1))
      await runApplies(whole.files, nothingPromised())
      await checkEnd(whole)
      const points = whole.trace.length
      let histories = 0
      for (const end of ['kill', 'power'] as const) {
        for (let at = 1; at <= points; at += 1) {
          for (let seed = 1; seed <= (end === 'power' ? seeds : 1); seed += 1) {
            await replayable(seed, at, end, 0)
            histories += 1
          }
        }
      }
      for (let at = 1; at <= points; at += 1) {
        // The other end is that of the second crash
        await replayable(at, at, at % 2 === 0 ? 'power' : 'kill', 1 + ((at * 7) % 60))
        histories += 1
      }
      process.stdout.write(`crash points of the disk: ${points} points, ${histories} histories\n`)
      expect(points).toBeGreaterThan(200)
    },
    240_000 * seeds,
  )

  it('is a crash: nothing is done after it', async () => {
    const disk = simDisk(seededDice(1), { crashAt: 5 })
    await expect(runApplies(disk.files, nothingPromised())).rejects.toMatchObject({
      cause: { name: 'Crash' },
    })
    expect(disk.crashed()).toBe(true)
    await expect(disk.files.read('/any')).rejects.toThrow(Crash)
  })
})

describe('a disk that refuses', () => {
  it.each(['EIO', 'ENOSPC'])(
    'with %s at every call loses nothing, and all goes on once it serves again',
    async code => {
      const whole = simDisk(seededDice(1))
      await runApplies(whole.files, nothingPromised())
      const calls = whole.trace.flatMap((label, index) => (label.startsWith('before') ? [index + 1] : []))
      let refused = 0
      for (const point of calls) {
        const disk = simDisk(seededDice(1), { failAt: { point, code } })
        const promised = nothingPromised()
        if (await runUntilRefused(disk, promised)) refused += 1
        const next = disk.killProcess()
        const where = `${code} at point ${point}, ${whole.trace[point - 1]}`
        await check(next, promised).catch(cause =>
          Promise.reject(new Error(`${where}: ${cause.message}`, { cause })),
        )
        await checkEnd(next).catch(cause =>
          Promise.reject(new Error(`${where}: ${cause.message}`, { cause })),
        )
      }
      process.stdout.write(`${code} of the disk: ${calls.length} calls, ${refused} of them ended the apply\n`)
      expect(refused).toBeGreaterThan(calls.length / 3)
    },
  )

  it('more, whatever room there is, loses nothing, and all goes on once there is more', async () => {
    const whole = simDisk(seededDice(1))
    await runApplies(whole.files, nothingPromised())
    let refused = 0
    const levels = Array.from({ length: 200 }, (_, index) => 50 + index * 193)
    for (const capacity of levels) {
      const disk = simDisk(seededDice(capacity), { capacity })
      const promised = nothingPromised()
      const error = await runUntilRefused(disk, promised)
      if (error) {
        refused += 1
        expect(error, `with ${capacity} bytes`).toMatchObject({ code: 'disk-full' })
      }
      const next = disk.killProcess()
      await check(next, promised).catch(cause =>
        Promise.reject(new Error(`${capacity}: ${cause.message}`, { cause })),
      )
      await checkEnd(next)
    }
    process.stdout.write(`room on the disk: ${levels.length} levels, ${refused} of them too little\n`)
    expect(refused).toBeGreaterThan(50)
    expect(refused).toBeLessThan(levels.length)
  }, 240_000)
})
