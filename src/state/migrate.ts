/** From older formats of the state document to this version's. */
import { InfraError } from '../model/error.js'
import { type StateDocument, stateFormat } from './document.js'

/** Turns a document of one format into one of the next. */
export type Migration = (document: StateDocument) => StateDocument

/** By the format that they start from. Format 1 is the first, so that there is none yet. */
const migrations: ReadonlyMap<number, Migration> = new Map()

/** The document in this version's format. Its meaning stays; its serial stays, as nothing is written. */
export function migrate(
  document: StateDocument,
  target = stateFormat,
  steps: ReadonlyMap<number, Migration> = migrations,
): StateDocument {
  if (!Number.isSafeInteger(document.format)) throw unknownFormat(document.format)
  let current = document
  while (current.format < target) {
    const step = steps.get(current.format)
    if (!step) throw unknownFormat(current.format)
    current = { ...step(current), format: current.format + 1 }
  }
  return current
}

/** Refuses what a newer version wrote: to read it as far as it is understood would lose the rest at the next write. */
export function refuseNewer(format: number | undefined, path: string): void {
  if (format === undefined || format <= stateFormat) return
  throw new InfraError({
    kind: 'storage',
    code: 'state-newer',
    message: `${path} was written by a newer version of infra`,
    why: `its format is ${format}, and this version knows formats up to ${stateFormat}`,
    hint: 'Use that version or a newer one. Nothing was changed.',
  })
}

function unknownFormat(format: unknown): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'state-format',
    message: `the state has format ${JSON.stringify(format)?.slice(0, 40)}, which no version of infra wrote`,
    hint: '`infra state restore` lists the earlier states that are kept.',
  })
}
