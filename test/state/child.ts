/** A process of its own for tests that kill: takes the lock, or writes a journal, and says what it did line by line. */

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openJournal } from '../../src/apply/journal.js'
import type { JournalRecord } from '../../src/apply/record.js'
import { nodeFiles } from '../../src/model/node-files.js'
import { acquireLock } from '../../src/state/lock.js'

const [mode = '', folder = '', rounds = '1'] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)
const holder = () => ({ host: 'here', pid: process.pid, since: Date.now(), command: `infra ${mode}` })

/** Holds the lock until its input ends. */
async function hold(): Promise<void> {
  const lock = await acquireLock(nodeFiles, folder, holder(), { waitMilliseconds: Number(rounds) })
  if (mode === 'hold-with-child') spawn('sleep', ['30'], { detached: true, stdio: 'ignore' }).unref()
  say('held')
  for await (const _ of process.stdin);
  await lock.release()
  say('released')
}

/** Takes the lock again and again. Finding a living process inside means that there are two. */
async function contend(): Promise<void> {
  const marker = join(folder, 'inside')
  for (let round = 0; round < Number(rounds); round += 1) {
    const lock = await acquireLock(nodeFiles, folder, holder(), { waitMilliseconds: 60_000 })
    try {
      closeSync(openSync(`${marker}.${process.pid}`, 'wx'))
    } catch {
      say('two')
    }
    const other = readIfAny(marker)
    if (other !== undefined && isAlive(Number(other))) say('two')
    await nodeFiles.replace(marker, Buffer.from(String(process.pid)), 0o600)
    await sleep(Math.random() * 3)
    if (readIfAny(marker) !== String(process.pid)) say('two')
    unlinkSync(marker)
    unlinkSync(`${marker}.${process.pid}`)
    say('round')
    await lock.release()
  }
}

/** Writes a journal until it is killed, and says what it was promised. */
async function journal(): Promise<void> {
  const file = await openJournal(nodeFiles, folder)
  const open: JournalRecord = {
    ...{ type: 'open', format: 1, id: 'x', at: 0, command: 'infra apply', lineage: 'l', serial: 1 },
  }
  await file.appendDurably([open])
  const one = async (index: number) => {
    const step = String(index)
    await file.appendDurably([{ type: 'intent', step, identity: {}, trash: 'x'.repeat(index % 500) }])
    say(step)
    file.appendSoon({ type: 'done', step, record: null, milliseconds: 1 })
  }
  for (let index = 0; ; index += 4) await Promise.all([0, 1, 2, 3].map(offset => one(index + offset)))
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const run = mode.startsWith('hold') ? hold : mode === 'contend' ? contend : journal
run().catch(error => {
  say(`failed ${JSON.stringify(error.details?.() ?? { message: String(error) })}`)
  process.exitCode = 1
})
