import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../src/apply/crc32.js'
import { type Journal, openJournal, readJournal, resumeJournal } from '../../src/apply/journal.js'
import { decodeJournal, encodeLine } from '../../src/apply/journal-line.js'
import type { JournalRecord } from '../../src/apply/record.js'
import type { InfraError } from '../../src/model/error.js'
import { planOf as wholePlan } from '../report/fixtures.js'
import { seededDice } from '../sim/dice.js'
import { type Faults, simDisk } from '../sim/files.js'
import { sampleRecord } from '../state/sample.js'

const folder = '/s'
const path = `${folder}/journal.ndjson`
const reserve = `${folder}/journal.reserve`

const open: JournalRecord = {
  ...{ type: 'open', format: 1, id: 'x', at: 0, command: 'infra apply', lineage: 'l', serial: 1 },
}
const planOf = (direction: 'forward' | 'back', size = 10): JournalRecord => ({
  type: 'plan',
  direction,
  plan: wholePlan([], { stack: 'x'.repeat(size) }),
})
const intent = (name: string): JournalRecord => ({
  ...{ type: 'intent', step: `create ${name}`, identity: { uuid: name }, trash: name },
})
const done = (name: string): JournalRecord => ({
  ...{ type: 'done', step: `create ${name}`, record: sampleRecord(name), milliseconds: 3 },
})

async function started(faults: Faults = {}, least = 4096) {
  const disk = simDisk(seededDice(1), faults)
  const journal = await openJournal(disk.files, folder, { reserve: least })
  await journal.appendDurably([open, planOf('forward')])
  const read = async () => (await readJournal(disk.files, folder))?.records
  return { disk, journal, read }
}

async function errorOf(promise: Promise<unknown>): Promise<InfraError> {
  try {
    await promise
  } catch (error) {
    return error as InfraError
  }
  throw new Error('it did not fail')
}

describe('the checksum', () => {
  it('is the common CRC-32', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array())).toBe(0)
  })
})

describe('a journal', () => {
  it('holds its records in the order in which they were appended', async () => {
    const { disk, journal, read } = await started()
    const first = journal.appendDurably([intent('a')])
    journal.appendSoon(done('z'))
    const second = journal.appendDurably([intent('b'), intent('c')])
    await Promise.all([first, second])
    journal.appendSoon(done('a'))
    await journal.close()
    expect(await read()).toEqual([
      ...[open, planOf('forward'), intent('a'), done('z'), intent('b'), intent('c'), done('a')],
    ])
    expect(disk.paths()).toContain(reserve)
  })

  it('shares one sync among all who come together', async () => {
    const { disk, journal } = await started()
    const before = disk.trace.filter(label => label === 'after sync journal.ndjson').length
    await Promise.all(Array.from({ length: 100 }, (_, index) => journal.appendDurably([intent(`${index}`)])))
    expect(disk.trace.filter(label => label === 'after sync journal.ndjson').length - before).toBe(1)
  })

  it('writes what can wait without a sync, so that it survives a kill', async () => {
    const { disk, journal } = await started()
    const syncs = disk.trace.filter(label => label === 'after sync journal.ndjson').length
    journal.appendSoon(done('a'))
    await new Promise(resolve => setImmediate(resolve))
    expect(disk.trace.filter(label => label === 'after sync journal.ndjson').length).toBe(syncs)
    const next = disk.killProcess()
    expect((await readJournal(next.files, folder))?.records).toHaveLength(3)
  })

  it('is gone, with the room it held back, when it is removed', async () => {
    const { disk, journal } = await started()
    await journal.remove()
    expect(disk.paths()).toEqual([])
    expect(await readJournal(disk.files, folder)).toBeUndefined()
    expect(await resumeJournal(disk.files, folder)).toBeUndefined()
  })

  it('is not begun where one is open, and is gone on with', async () => {
    const { disk, journal, read } = await started()
    await journal.close()
    await journal.close()
    expect(await errorOf(openJournal(disk.files, folder))).toMatchObject({
      kind: 'storage',
      code: 'journal-open',
    })
    const resumed = await resumeJournal(disk.files, folder)
    expect(resumed?.contents.records).toHaveLength(2)
    await resumed?.journal.appendDurably([planOf('back')])
    expect(await read()).toEqual([open, planOf('forward'), planOf('back')])
  })

  it('is begun over one of which nothing was durable', async () => {
    const disk = simDisk(seededDice(1))
    await disk.files.makeFolder(folder)
    const file = await disk.files.append(path)
    await file.append(encodeLine(JSON.stringify(open), 0).subarray(0, 30))
    expect(await readJournal(disk.files, folder)).toBeUndefined()
    const journal = await openJournal(disk.files, folder)
    await journal.appendDurably([open])
    expect((await readJournal(disk.files, folder))?.records).toEqual([open])
  })

  it('of another version is refused', async () => {
    const disk = simDisk(seededDice(1))
    await disk.files.makeFolder(folder)
    const file = await disk.files.append(path)
    await file.append(encodeLine(JSON.stringify({ ...open, format: 2 }), 0))
    expect(await errorOf(readJournal(disk.files, folder))).toMatchObject({
      kind: 'storage',
      code: 'journal-newer',
    })
  })
})

describe('a damaged journal', () => {
  async function three() {
    const { disk, journal } = await started()
    await journal.appendDurably([intent('a')])
    journal.appendSoon(done('a'))
    await journal.close()
    return disk
  }

  it('drops a torn end, and says how much; what follows takes its place', async () => {
    const disk = await three()
    disk.tamper(path, bytes => bytes.subarray(0, bytes.length - 5))
    const contents = await readJournal(disk.files, folder)
    expect(contents?.records).toEqual([open, planOf('forward'), intent('a')])
    expect(contents?.dropped).toBeGreaterThan(100)
    const resumed = await resumeJournal(disk.files, folder)
    await resumed?.journal.appendDurably([done('b')])
    expect((await readJournal(disk.files, folder))?.records.at(-1)).toEqual(done('b'))
  })

  it('is an error where what was durable is broken', async () => {
    const disk = await three()
    disk.tamper(path, bytes => bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte)))
    const error = await errorOf(readJournal(disk.files, folder))
    expect(error).toMatchObject({ kind: 'storage', code: 'journal-broken' })
    expect(error.message).toContain('line 1 ')
  })

  it('is only torn where a later line was written before the broken one was durable', () => {
    const lines = [encodeLine(JSON.stringify(open), 0)]
    const synced = lines[0]?.length ?? 0
    lines.push(
      encodeLine(JSON.stringify(intent('a')), synced),
      encodeLine(JSON.stringify(intent('b')), synced),
    )
    const bytes = Buffer.concat(lines)
    bytes.fill(0, synced, synced + 30)
    expect(decodeJournal(bytes, path)).toEqual({ records: [open], length: synced })
  })

  it('never makes anything up and never crashes, whatever the bytes', () => {
    const lines = [open, planOf('forward'), intent('a'), done('a')]
    const whole = Buffer.concat(lines.map(line => encodeLine(JSON.stringify(line), 0)))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255))),
        fc.nat(whole.length),
        (edits, cut) => {
          const bytes = Buffer.from(whole)
          for (const [at, byte] of edits) bytes[at] = byte
          const { records } = decodeJournal(bytes.subarray(0, cut), path)
          expect(records).toEqual(lines.slice(0, records.length))
        },
      ),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(decodeJournal(bytes, path).records).toEqual([])
      }),
    )
  })
})

describe('a full disk', () => {
  const full = async (journal: Journal) => errorOf(journal.appendDurably([intent('late')]))

  it('is met before anything is begun', async () => {
    const disk = simDisk(seededDice(1), { capacity: 5000 })
    const error = await errorOf(openJournal(disk.files, folder, { reserve: 6000 }))
    expect(error).toMatchObject({ kind: 'storage', code: 'disk-full' })
    expect(disk.used()).toBe(0)
  })

  it('refuses a plan whose way back would not fit', async () => {
    const { disk, journal, read } = await started({ capacity: 20_000 })
    expect(await errorOf(journal.appendDurably([planOf('forward', 8000)]))).toMatchObject({
      code: 'disk-full',
    })
    await journal.close()
    expect(await read()).toEqual([open, planOf('forward')])
    expect(disk.used()).toBeLessThan(6000)
  })

  it('refuses what would start something, and takes what has happened', async () => {
    const { disk, journal, read } = await started()
    await journal.appendDurably([intent('a'), intent('b')])
    disk.faults.capacity = disk.used() + 10
    const late = full(journal)
    const ended = journal.appendDurably([done('a')])
    journal.appendSoon(done('b'))
    expect(await late).toMatchObject({ kind: 'storage', code: 'disk-full' })
    await ended
    expect(await full(journal)).toMatchObject({ code: 'disk-full' })
    await journal.appendDurably([planOf('back')])
    await journal.appendDurably([intent('a')])
    await journal.close()
    const expected = [
      open,
      planOf('forward'),
      intent('a'),
      intent('b'),
      done('a'),
      done('b'),
      planOf('back'),
      intent('a'),
    ]
    expect(await read()).toEqual(expected)
    expect(disk.paths()).toEqual([path])
  })

  it('that shows at the sync is the same', async () => {
    const { disk, journal, read } = await started()
    journal.appendSoon(done('a'))
    await new Promise(resolve => setImmediate(resolve))
    disk.faults.fail = { label: /sync journal/, code: 'EDQUOT', times: 1 }
    expect(await full(journal)).toMatchObject({ code: 'disk-full' })
    await journal.appendDurably([done('b')])
    expect(await read()).toEqual([open, planOf('forward'), done('a'), done('b')])
  })

  it('beyond the room held back fails, and the journal stays readable', async () => {
    const { disk, journal, read } = await started({}, 500)
    disk.faults.capacity = disk.used()
    const many = ['a', 'b', 'c', 'd'].map(done)
    expect(await errorOf(journal.appendDurably(many))).toMatchObject({ code: 'disk-full' })
    expect(await errorOf(journal.appendDurably([done('e')]))).toMatchObject({ code: 'disk-full' })
    await journal.close()
    // What did fit of them happened, too.
    expect((await read())?.slice(0, 2)).toEqual([open, planOf('forward')])
  })

  it('does not keep anybody from going on with what is open', async () => {
    const { disk, journal } = await started()
    await journal.releaseReserve()
    await journal.close()
    disk.faults.capacity = disk.used() + 100
    const resumed = await resumeJournal(disk.files, folder)
    expect(disk.paths()).toEqual([path])
    disk.faults.capacity = disk.used() + 5000
    await resumed?.journal.appendDurably([planOf('back'), intent('a')])
  })
})

describe('a disk that fails', () => {
  it.each([/write journal/, /sync journal/])('makes the journal fail for good at %s', async label => {
    const { disk, journal, read } = await started()
    disk.faults.fail = { label, code: 'EIO', times: 1 }
    const error = await errorOf(journal.appendDurably([intent('a')]))
    expect(error).toMatchObject({ kind: 'storage', code: 'storage-failed' })
    expect(await errorOf(journal.appendDurably([done('a')]))).toBe(error)
    await journal.close()
    expect((await read())?.slice(0, 2)).toEqual([open, planOf('forward')])
  })

  it('and the failure of what could wait is told to the next who waits', async () => {
    const { disk, journal } = await started()
    disk.faults.fail = { label: /write journal/, code: 'EIO', times: 1 }
    journal.appendSoon(done('a'))
    expect(await errorOf(journal.releaseReserve())).toMatchObject({ code: 'storage-failed' })
  })
})
