/**
 * Many processes of infra on one state at once, all of them wanting another stack, while whoever holds the lock is killed, or
 * suspended and resumed. There is never a second writer, and what one has begun the next one settles first.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listCheckpoints } from '../../src/apply/checkpoint.js'
import { nodeFiles } from '../../src/model/node-files.js'
import { openStore } from '../../src/state/store.js'
import { type Desk, desk, type Ended } from '../acceptance/desk.js'
import { resource } from '../acceptance/documents.js'
import { type Dice, seededDice } from '../sim/dice.js'

const appliers = 6
/** At least; and until a holder was killed and another suspended. */
const rounds = 2
const leave = ['--yes', '--allow', 'deletes-data', '--lock-timeout', '240']

let here: Desk
beforeEach(async () => {
  const files = Array.from({ length: appliers }, (_, one) => [`${one}.yaml`, stackOf(one)] as const)
  here = await desk(Object.fromEntries(files))
})
afterEach(() => here.clear())

/** Volumes of its own, so that an apply takes away what the one before has made. */
function stackOf(one: number): string {
  const head = { apiVersion: 'infra/v1', kind: 'Stack', metadata: { name: 'shop' }, spec: {} }
  const volumes = Array.from({ length: 15 }, (_, index) =>
    resource('Volume', `of-${one}-${index}`, { size: '1GiB' }),
  )
  return [head, ...volumes].map(document => `${JSON.stringify(document)}\n`).join('---\n')
}

const at = (name: string) => join(here.folder, '.infra/shop', name)

/** The process that says it holds the lock. */
async function holder(): Promise<number | undefined> {
  const note = await readFile(at('lock.json'), 'utf8').catch(() => '')
  return note === '' ? undefined : JSON.parse(note).pid
}

/** What every writer changes. */
async function written(): Promise<string> {
  const files = ['state.json', 'journal.ndjson', 'world.ndjson']
  const all = await Promise.all(
    files.map(name => stat(at(name)).catch(() => ({ size: -1, mtimeMs: 0, ino: 0 }))),
  )
  return all.map(({ size, mtimeMs, ino }) => `${size} ${mtimeMs} ${ino}`).join(', ')
}

interface Trouble {
  kills: number
  stops: number
  over: boolean
}

/** Kills and suspends holders of the lock until all is over. */
async function trouble(told: Trouble, dice: Dice): Promise<void> {
  while (!told.over) {
    await sleep(150 + dice.roll(400))
    const pid = await holder()
    if (pid === undefined) continue
    try {
      // Both happen at least once, whatever is drawn
      if (told.kills === 0 || (told.stops > 0 && dice.chance(0.4))) {
        process.kill(pid, 'SIGKILL')
        told.kills += 1
      } else await suspend(pid, told)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** While a holder is suspended, nobody writes. */
async function suspend(pid: number, told: Trouble): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  try {
    // What it had told the kernel to write may still come in.
    await sleep(50)
    if ((await holder()) !== pid) return
    const before = await written()
    await sleep(700)
    expect(await written()).toBe(before)
    expect(await holder()).toBe(pid)
    told.stops += 1
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

/** Applies again and again; what somebody left open it settles first. */
async function applier(one: number, dice: Dice, ends: Ended[], told: Trouble): Promise<void> {
  for (let round = 0; round < rounds || told.kills === 0 || told.stops === 0; ) {
    const ended = await here.infra('apply', `${one}.yaml`, ...leave)
    ends.push(ended)
    if (ended.text.includes('infra recover')) {
      const way = dice.chance(0.5) ? '--forward' : '--back'
      ends.push(await here.infra('recover', `${one}.yaml`, way, ...leave))
    } else round += 1
  }
}

test('never two writers, and no lock is stolen', { timeout: 600_000 }, async () => {
  const seed = Number(process.env.SEED ?? Math.trunc(Math.random() * 2 ** 31))
  const told: Trouble = { kills: 0, stops: 0, over: false }
  const ends: Ended[] = []
  const troubled = trouble(told, seededDice(seed))
  await Promise.all(
    Array.from({ length: appliers }, (_, one) => applier(one, seededDice(seed + one), ends, told)),
  ).finally(() => {
    told.over = true
  })
  await troubled
  await here.infra('recover', '0.yaml', '--forward', ...leave)
  // Whatever was left, whoever comes next gets what it wants
  await here.ok('apply', '0.yaml', ...leave)

  const codes = ends.map(({ code }) => code ?? 'killed')
  const count = (code: number | 'killed') => codes.filter(one => one === code).length
  process.stdout.write(
    `${appliers} appliers, seed ${seed}: ${ends.length} processes, ${count(0)} done, ${told.kills} holders killed, ${told.stops} suspended\n`,
  )
  // 4: an apply is open; nobody waits so long that the lock is refused, and nothing is ever broken or moved.
  const others = ends.filter(({ code }) => ![0, 4, undefined].includes(code))
  expect(others.map(({ text }) => text)).toEqual([])
  expect(told.kills).toBeGreaterThan(0)
  expect(told.stops).toBeGreaterThan(0)

  const { checkpoints, broken } = await listCheckpoints(nodeFiles, at('.'))
  expect(broken).toEqual([])
  const state = await openStore(nodeFiles, at('.')).read()
  const serials = checkpoints.map(({ before, after }) => [before, after])
  expect(serials).toEqual(serials.map((_, index) => [index + 1, index + 2]))
  expect(state?.serial).toBe(serials.length + 1)
  const owners = new Set(Object.values(state?.resources ?? {}).map(({ name }) => name.split('-')[1]))
  expect([...owners]).toEqual(['0'])
  await here.ok('plan', '0.yaml', '--detailed-exitcode')
})
