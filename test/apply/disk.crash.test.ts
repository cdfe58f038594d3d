/** Journal and store on real disks: written by processes that are killed, and on a file system with no room. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openJournal, readJournal, resumeJournal } from '../../src/apply/journal.js'
import type { JournalRecord } from '../../src/apply/record.js'
import { nodeFiles as files } from '../../src/model/node-files.js'
import { openStore } from '../../src/state/store.js'
import { type Children, compileChildren } from '../state/processes.js'
import { sampleRecord, sampleState } from '../state/sample.js'

const open: JournalRecord = {
  ...{ type: 'open', format: 1, id: 'x', at: 0, command: 'infra apply', lineage: 'l', serial: 1 },
}
const intent = (step: string): JournalRecord => ({ type: 'intent', step, identity: {}, trash: 'x' })
const done = (step: string): JournalRecord => ({
  ...{ type: 'done', step, record: sampleRecord(step), milliseconds: 1 },
})

describe('a journal whose writer is killed', () => {
  let children: Children
  beforeAll(async () => {
    children = await compileChildren()
  })
  afterAll(() => children.clean())

  it('holds all that was promised, in 30 kills', async () => {
    let promised = 0
    for (let round = 0; round < 30; round += 1) {
      const folder = children.folder()
      const writer = children.start('journal', folder)
      await writer.said()
      await sleep(Math.random() * 60)
      writer.process.kill('SIGKILL')
      await writer.ended
      const contents = await readJournal(files, folder)
      const intents = new Set(
        contents?.records.flatMap(record => (record.type === 'intent' ? [record.step] : [])),
      )
      expect(writer.lines.filter(step => !intents.has(step))).toEqual([])
      promised += writer.lines.length
      const resumed = await resumeJournal(files, folder)
      await resumed?.journal.appendDurably([done('after')])
      await resumed?.journal.close()
      expect((await readJournal(files, folder))?.records.at(-1)).toEqual(done('after'))
      rmSync(folder, { recursive: true })
    }
    process.stdout.write(`journals killed: 30, with ${promised} promised records\n`)
  })
})

describe('a file system of 64 KiB', () => {
  const place = mkdtempSync(join(tmpdir(), 'infra-full-'))
  const mounted = mount(place)
  let count = 0
  const folder = () => {
    count += 1
    const path = join(place, String(count))
    mkdirSync(path)
    return path
  }
  afterAll(() => {
    if (mounted) spawnSync('umount', [place])
    rmSync(place, { recursive: true, force: true })
  })
  /** Takes all the room there is but so much. */
  const fill = async (leave: number) => {
    const path = join(place, 'ballast')
    rmSync(path, { force: true })
    const file = await files.append(path)
    await expect(file.append(Buffer.alloc(1 << 20))).rejects.toMatchObject({ code: 'ENOSPC' })
    await file.truncate(statSync(path).size - leave)
    await file.close()
    return { free: () => rmSync(path) }
  }

  it.skipIf(!mounted)('keeps the old state, whole, when the new one does not fit', async () => {
    const at = folder()
    const store = openStore(files, at)
    await store.write(sampleState(1, ['a', 'b']))
    await store.write(sampleState(2, ['a', 'b', 'c']))
    const many = Array.from({ length: 100 }, (_, index) => `vm-${index}`)
    await expect(store.write(sampleState(3, many))).rejects.toMatchObject({
      kind: 'storage',
      code: 'disk-full',
    })
    expect(await openStore(files, at).read()).toEqual(sampleState(2, ['a', 'b', 'c']))
    expect(await files.list(at)).toEqual(['generations', 'state.json'])
    const ballast = await fill(0)
    await expect(store.write(sampleState(3, ['a']))).rejects.toMatchObject({ code: 'disk-full' })
    ballast.free()
    await store.write(sampleState(3, ['a']))
    expect(await store.read()).toEqual(sampleState(3, ['a']))
    rmSync(at, { recursive: true })
  })

  it.skipIf(!mounted)('begins no apply without room for its journal', async () => {
    const at = folder()
    await expect(openJournal(files, at)).rejects.toMatchObject({ kind: 'storage', code: 'disk-full' })
    expect(await files.list(at)).toEqual([])
    rmSync(at, { recursive: true })
  })

  it.skipIf(!mounted)('starts no step when it is full, and records what was done', async () => {
    const at = folder()
    const journal = await openJournal(files, at, { reserve: 16 << 10 })
    const steps = ['a', 'b', 'c', 'd']
    await journal.appendDurably([open, ...steps.map(intent)])
    const ballast = await fill(0)
    const failures: unknown[] = []
    for (let index = 0; failures.length === 0 && index < 100; index += 1) {
      await journal.appendDurably([intent(`late-${index}`)]).catch(error => failures.push(error))
    }
    expect(failures).toMatchObject([{ kind: 'storage', code: 'disk-full' }])
    await journal.appendDurably(steps.map(done))
    await journal.close()
    const { records = [] } = (await readJournal(files, at)) ?? {}
    expect(records.slice(-4)).toEqual(steps.map(done))
    ballast.free()
    rmSync(at, { recursive: true })
  })
})

function mount(place: string): boolean {
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place])
  return done.status === 0
}
