/** Acts beside any plan: each is in the journal before it begins, and one that is cut off stays there for `infra recover`. */
import type { Ports } from '../model/ports.js'
import type { StateDocument } from '../state/document.js'
import { type Journal, openJournal, resumeJournal } from './journal.js'
import type { JournalRecord } from './record.js'

export type ActRecord = Extract<JournalRecord, { type: 'act' }>

/** Makes an act durable before it begins. What it resolves to is called once the act has come to an end that is known. */
export type BeginAct = (act: Pick<ActRecord, 'address' | 'connection' | 'what'>) => Promise<() => void>

/** How many acts are told one by one. */
const toldActs = 5

export interface ActContext {
  readonly ports: Pick<Ports, 'files' | 'clock' | 'random'>
  readonly stateFolder: string
  readonly base: Pick<StateDocument, 'lineage' | 'serial'>
  /** As it was called, for people. */
  readonly command: string
}

/**
 * Lets `work` begin acts. When it is over, the journal goes if every act has come to an end, and stays if one has not. Needs
 * the lock. Fails with `journal-open` where an earlier apply or act was cut off.
 */
export async function journalActs<T>(context: ActContext, work: (begin: BeginAct) => Promise<T>): Promise<T> {
  let journal: Promise<Journal> | undefined
  let begun = 0
  let unsettled = 0
  try {
    return await work(async act => {
      journal ??= startJournal(context)
      const there = await journal
      const number = begun
      begun += 1
      await there.appendDurably([{ type: 'act', act: number, ...act }])
      unsettled += 1
      return () => {
        unsettled -= 1
        there.appendSoon({ type: 'acted', act: number })
      }
    })
  } finally {
    // one that could not be begun has failed the act that was to begin
    const there = await journal?.catch(() => undefined)
    if (there) await (unsettled === 0 ? there.remove() : there.close())
  }
}

/** Acts that were begun and of which nobody knows how they ended, in their order; of one that was told again, the last word. */
export function openActs(records: readonly JournalRecord[]): readonly ActRecord[] {
  const over = new Set(records.flatMap(record => (record.type === 'acted' ? [record.act] : [])))
  const open = records.flatMap(record => (record.type === 'act' && !over.has(record.act) ? [record] : []))
  const last = new Map(open.map(act => [subjectOf(act), act]))
  return open.filter(act => last.get(subjectOf(act)) === act)
}

/** What an act does, and to whom: a command does that once. */
function subjectOf({ address, connection, what: { verb, name, uuid } }: ActRecord): string {
  return JSON.stringify([address, connection, verb, name, uuid])
}

/** What acts were about, for people: `stop web on near, stop db on near and 3 more`. */
export function actsInWords(acts: readonly ActRecord[]): string {
  const words = acts.map(({ what, connection }) => `${what.verb} ${what.name} on ${connection}`)
  const rest = words.length - toldActs
  return rest > 0 ? `${words.slice(0, toldActs).join(', ')} and ${rest} more` : words.join(', ')
}

/**
 * Lets `work` settle acts that were cut off, and tell by their numbers which of them have come to an end. The journal goes once
 * all have, and stays with the others. Needs the lock.
 */
export async function settleActs<T>(
  { ports, stateFolder }: Pick<ActContext, 'ports' | 'stateFolder'>,
  work: (ended: (act: number) => void) => Promise<T>,
): Promise<T> {
  const resumed = await resumeJournal(ports.files, stateFolder)
  if (resumed === undefined) return work(() => undefined)
  const { journal, contents } = resumed
  const open = new Set(openActs(contents.records).map(one => one.act))
  try {
    return await work(act => {
      if (open.delete(act)) journal.appendSoon({ type: 'acted', act })
    })
  } finally {
    await (open.size === 0 ? journal.remove() : journal.close())
  }
}

async function startJournal({ ports, stateFolder, base, command }: ActContext): Promise<Journal> {
  const journal = await openJournal(ports.files, stateFolder)
  const { lineage, serial } = base
  const id = ports.random.uuid()
  try {
    await journal.appendDurably([
      { type: 'open', format: 1, id, at: ports.clock.now(), command, lineage, serial },
    ])
    return journal
  } catch (error) {
    await journal.close()
    throw error
  }
}
