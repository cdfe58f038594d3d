/** Applies as the engine makes them, without a real world: what is written to the disk, in which order, and what was promised. */

import { listCheckpoints, takeOutRestored, writeCheckpoint } from '../../src/apply/checkpoint.js'
import { finishWritten, restoredTokens } from '../../src/apply/finish-written.js'
import { type Journal, openJournal, resumeJournal } from '../../src/apply/journal.js'
import type { Checkpoint, JournalRecord } from '../../src/apply/record.js'
import type { FileSystem } from '../../src/model/ports.js'
import type { Plan } from '../../src/planner/plan.js'
import type { ResourceRecord, StateDocument } from '../../src/state/document.js'
import { fold } from '../../src/state/fold.js'
import { settleFolders } from '../../src/state/leftovers.js'
import { statePaths } from '../../src/state/paths.js'
import { openStore } from '../../src/state/store.js'
import { step, planOf as wholePlan } from '../report/fixtures.js'
import { sampleRecord, sampleState } from '../state/sample.js'

export const folder = '/infra/state'
export const applies = 3

/** What the process was told while it lived. */
export interface Promised {
  /** Highest serial whose write was reported as done. */
  serial: number
  /** Records of the journal that is open, as far as they were reported as durable. */
  durable: JournalRecord[]
  /** All records that were handed to the journal that is open. */
  handed: JournalRecord[]
  /** Whether the open journal may be gone already. */
  removing: boolean
}

export function nothingPromised(): Promised {
  return { serial: 0, durable: [], handed: [], removing: false }
}

/** Names of what the n-th apply does: it makes three and takes away one of the apply before. */
const made = (round: number) => [0, 1, 2].map(index => `vm-${round}-${index}`)
const taken = (round: number) => (round > 1 ? [`vm-${round - 1}-0`] : [])

/** The state that is there after the n-th apply, so that any run can be held against it. */
export function expectedState(serial: number): StateDocument {
  let names: string[] = []
  for (let round = 1; round < serial; round += 1) {
    names = [...names.filter(name => !taken(round).includes(name)), ...made(round)]
  }
  return sampleState(serial, names)
}

/** Runs applies until the state has the last serial, from whatever it finds. */
export async function runApplies(files: FileSystem, promised: Promised): Promise<void> {
  const store = openStore(files, folder, { keep: 2 })
  await settleFolders(files, statePaths(folder))
  let state = await store.read()
  if (!state) {
    state = sampleState(1, [])
    await store.write(state)
    promised.serial = 1
  }
  await finishWritten(files, folder, state)
  const resumed = await resumeJournal(files, folder)
  if (resumed) state = await go(files, state, resumed.journal, [...resumed.contents.records], promised)
  while (state.serial <= applies) {
    const journal = await openJournal(files, folder, { reserve: 1000 })
    state = await go(files, state, journal, [], promised)
  }
}

/** What the apply before took away comes back with the first that is made. */
function planOf(round: number): Plan {
  const back = taken(round - 1)[0]
  const steps = [...made(round), ...taken(round)].map((name, index) =>
    step('create', `VirtualMachine/${name}`, {
      id: `step ${name}`,
      ...(index === 0 && back && { restore: { identity: {}, token: back } }),
    }),
  )
  return wholePlan(steps)
}

/** One apply, from wherever its journal says that it is. */
async function go(
  files: FileSystem,
  base: StateDocument,
  journal: Journal,
  already: JournalRecord[],
  promised: Promised,
): Promise<StateDocument> {
  Object.assign(promised, { durable: [...already], handed: [...already], removing: false })
  const durably = async (records: readonly JournalRecord[]) => {
    promised.handed.push(...records)
    const upTo = promised.handed.length
    await journal.appendDurably(records)
    if (upTo > promised.durable.length) promised.durable = promised.handed.slice(0, upTo)
  }
  const soon = (record: JournalRecord) => {
    promised.handed.push(record)
    journal.appendSoon(record)
  }
  try {
    const round = base.serial
    const id = `apply-${round}`
    const { lineage, serial } = base
    if (already.length === 0) {
      await durably([{ type: 'open', format: 1, id, at: 0, command: 'infra apply', lineage, serial }])
    }
    const plan = planOf(round)
    await durably([{ type: 'plan', direction: 'forward', plan }])
    const outcomes = new Map<string, ResourceRecord | null>()
    const step = async (name: string, record: ResourceRecord | null) => {
      const id = `step ${name}`
      await durably([{ type: 'intent', step: id, identity: { uuid: name }, trash: 'x' }])
      soon({ type: 'done', step: id, record, milliseconds: 1 })
      outcomes.set(`VirtualMachine/${name}`, record)
    }
    const creates = made(round).map(name => step(name, sampleRecord(name)))
    const deletes = taken(round).map(name => step(name, null))
    await Promise.all([...creates, ...deletes])
    const { document, back } = fold(base, outcomes, { serial: serial + 1, outputs: base.outputs })
    const kept = taken(round).map(name => ({
      address: `VirtualMachine/${name}`,
      kind: 'VirtualMachine',
      name,
      connection: 'embedded',
      identity: {},
      token: name,
    }))
    const checkpoint: Checkpoint = {
      ...{ format: 1, id, lineage, before: serial, after: serial + 1, at: 0, command: '', summary: '' },
      back,
      kept,
    }
    await journal.releaseReserve()
    await writeCheckpoint(files, folder, checkpoint)
    await openStore(files, folder, { keep: 2 }).write(document)
    promised.serial = document.serial
    await takeOutRestored(files, folder, restoredTokens({ done: plan.steps, kept: [] }))
    promised.removing = true
    await journal.remove()
    Object.assign(promised, nothingPromised(), { serial: document.serial })
    return document
  } catch (error) {
    await journal.close().catch(() => undefined)
    throw error
  }
}

/** All checkpoints, which must all be whole. */
export async function wholeCheckpoints(files: FileSystem): Promise<readonly Checkpoint[]> {
  const { checkpoints, broken } = await listCheckpoints(files, folder)
  if (broken[0]) throw broken[0]
  return checkpoints
}
