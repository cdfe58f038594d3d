/** State, checkpoint and journal files that somebody else has written: every byte, and all that a checksum can be put on. */
import { describe, expect, it } from 'vitest'
import { actsInWords, openActs } from '../../src/apply/act-journal.js'
import { listCheckpoints, stateBefore } from '../../src/apply/checkpoint.js'
import { foldJournal } from '../../src/apply/fold.js'
import { readJournal } from '../../src/apply/journal.js'
import { encodeLine } from '../../src/apply/journal-line.js'
import type { Checkpoint, JournalRecord } from '../../src/apply/record.js'
import type { Json } from '../../src/model/value.js'
import { encodeState } from '../../src/state/codec.js'
import type { StateDocument } from '../../src/state/document.js'
import { statePaths } from '../../src/state/paths.js'
import { seal, sealObject } from '../../src/state/sealed.js'
import { openStore } from '../../src/state/store.js'
import { mixedPlan } from '../report/fixtures.js'
import { type Dice, seededDice } from '../sim/dice.js'
import { simDisk } from '../sim/files.js'
import { sampleRecord, sampleState } from '../state/sample.js'
import { mutatedBytes, mutatedJson } from './mutate.js'
import { survives } from './survive.js'

const paths = statePaths('/s')
const state = sampleState(3, ['a', 'b'])

/** A disk with one file, and nothing changes it. */
async function diskWith(path: string, bytes: Uint8Array) {
  const disk = simDisk(seededDice(1))
  for (const folder of [paths.folder, paths.generations, paths.checkpoints])
    await disk.files.makeFolder(folder)
  await disk.files.replace(path, bytes, 0o600)
  return {
    ...disk,
    unchanged: async () =>
      expect(Buffer.compare((await disk.files.read(path)) ?? Buffer.of(), bytes)).toBe(0),
  }
}

const readState = async (bytes: Uint8Array) => {
  const disk = await diskWith(paths.state, bytes)
  try {
    const found = await openStore(disk.files, paths.folder).read()
    if (found) await openStore(disk.files, paths.folder).write({ ...found, serial: found.serial + 1 })
  } catch (error) {
    await disk.unchanged()
    throw error
  }
}

const checkpoint: Checkpoint = {
  ...{
    format: 1,
    id: 'one',
    lineage: state.lineage,
    before: 2,
    after: 3,
    at: 0,
    command: 'infra apply',
    summary: '1 created',
  },
  back: [
    { op: 'replace', path: ['serial'], value: 2 },
    { op: 'remove', path: ['resources', 'VirtualMachine/b'] },
  ],
  kept: [
    {
      ...{ address: 'VirtualMachine/b', kind: 'VirtualMachine', name: 'b', connection: 'embedded' },
      ...{ identity: { uuid: 'x' }, token: { volumes: ['a'] } },
    },
  ],
}

const readCheckpoints = async (bytes: Uint8Array) => {
  const disk = await diskWith(`${paths.checkpoints}/one.json`, bytes)
  const { checkpoints, broken } = await listCheckpoints(disk.files, paths.folder)
  await disk.unchanged()
  for (const one of checkpoints) stateBefore(state, checkpoints, one.id)
  if (broken[0]) throw broken[0]
}

const plan = mixedPlan()
const [first] = plan.steps
const records: readonly JournalRecord[] = [
  { type: 'open', format: 1, id: 'x', at: 0, command: 'infra apply', lineage: state.lineage, serial: 3 },
  { type: 'plan', direction: 'forward', plan },
  { type: 'intent', step: first?.id ?? '', identity: { uuid: 'y' }, trash: 't', from: { size: 1 } },
  { type: 'keep', step: first?.id ?? '', token: { volume: 'v' } },
  { type: 'done', step: first?.id ?? '', record: sampleRecord('a'), milliseconds: 1 },
]
const acts: readonly JournalRecord[] = [
  ...records.slice(0, 1),
  {
    ...{ type: 'act', act: 1, address: 'VirtualMachine/web', connection: 'near' },
    what: { verb: 'stop', name: 'web', uuid: 'u' },
  },
]
/** An object that no text can be made of. */
const wordless = { toString: 1, valueOf: 1 }

const readRecords = async (bytes: Uint8Array) => {
  const disk = await diskWith(paths.journal, bytes)
  const found = await readJournal(disk.files, paths.folder)
  await disk.unchanged()
  if (!found) return
  actsInWords(openActs(found.records))
  foldJournal(state.resources, found.records)
}

/** A state as it would be written, where it can be at all. */
function sealed(value: Json): Uint8Array {
  try {
    return encodeState(value as unknown as StateDocument)
  } catch {
    return seal([Buffer.from(`${JSON.stringify(value)}\n`)])
  }
}

/** What comes after a file's checksum, changed, with the checksum of that. */
function resealed(file: Uint8Array, dice: Dice): Uint8Array {
  return seal([mutatedBytes(file.subarray(file.indexOf(10) + 1), dice)])
}

const lines = (all: unknown) =>
  Buffer.concat([all].flat().map((one, index) => encodeLine(JSON.stringify(one), index)))

describe('hostile files of a state', () => {
  const table: readonly { reason: string; read: (dice: Dice) => Promise<void> }[] = [
    {
      reason: 'a state whose bytes are changed',
      read: dice => readState(mutatedBytes(encodeState(state), dice)),
    },
    {
      reason: 'a state whose structure is changed, with its checksum',
      read: dice => readState(sealed(mutatedJson(state as unknown as Json, dice))),
    },
    {
      reason: 'a state whose bytes are changed, with its checksum',
      read: dice => readState(resealed(encodeState(state), dice)),
    },
    {
      reason: 'a checkpoint whose bytes are changed',
      read: dice => readCheckpoints(mutatedBytes(sealObject(checkpoint), dice)),
    },
    {
      reason: 'a checkpoint whose structure is changed, with its checksum',
      read: dice =>
        readCheckpoints(
          seal([
            Buffer.from(`${JSON.stringify(mutatedJson(checkpoint as unknown as Json, dice)).slice(1)}\n`),
          ]),
        ),
    },
    {
      reason: 'a checkpoint whose bytes are changed, with its checksum',
      read: dice => readCheckpoints(resealed(sealObject(checkpoint), dice)),
    },
    {
      reason: 'a journal whose bytes are changed',
      read: dice => readRecords(mutatedBytes(lines(records), dice)),
    },
    {
      reason: 'a journal whose structure is changed, with its checksums',
      read: dice => readRecords(lines(mutatedJson(records as unknown as Json, dice))),
    },
    {
      reason: 'a journal of acts whose structure is changed, with its checksums',
      read: dice => readRecords(lines(mutatedJson(acts as unknown as Json, dice))),
    },
  ]
  it.each(table)('$reason', ({ read }) => survives(read), 600_000)

  it.each([
    {
      record: { ...records.at(-1), record: { address: wordless } },
      reason: 'whose outcome is of no address',
    },
    {
      record: { ...acts.at(-1), what: { verb: wordless, name: 'web' } },
      reason: 'that tells an act of no name',
    },
  ])('a journal $reason is refused as damaged', async ({ record }) => {
    const told = await readRecords(lines([records[0], record])).catch((error: unknown) => error)
    expect(told).toMatchObject({ kind: 'storage' })
  })
})
