/** What a line of the journal must look like before anything is made of it. */
import { planFault } from '../planner/plan-shape.js'
import { recordFault } from '../state/integrity.js'
import type { JournalRecord } from './record.js'

type Fields = Readonly<Record<string, unknown>>

const isText = (value: unknown) => typeof value === 'string'
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isIdentity = (value: unknown) => isObject(value) && Object.values(value).every(isText)

const shapes: Readonly<Record<JournalRecord['type'], (record: Fields) => boolean>> = {
  open: ({ format, id, at, command, lineage, serial }) =>
    format === 1 && [id, command, lineage].every(isText) && [at, serial].every(Number.isSafeInteger),
  plan: ({ direction, plan }) => (direction === 'forward' || direction === 'back') && !planFault(plan),
  intent: ({ step, identity, trash, from }) =>
    isText(step) && isIdentity(identity) && isText(trash) && (from === undefined || isObject(from)),
  keep: ({ step, token }) => isText(step) && token !== undefined,
  done: ({ step, record }) =>
    isText(step) &&
    (record === null ||
      (isObject(record) && isText(record.address) && recordFault(record.address, record) === undefined)),
  failed: ({ step, error }) => isText(step) && isObject(error),
  act: ({ act, address, connection, what }) =>
    Number.isSafeInteger(act) &&
    [address, connection].every(isText) &&
    isObject(what) &&
    [what.verb, what.name].every(isText),
  acted: ({ act }) => Number.isSafeInteger(act),
  closed: ({ serial }) => Number.isSafeInteger(serial),
}

/** Whether this version of infra writes such a record. */
export function isJournalRecord(value: unknown): value is JournalRecord {
  if (!isObject(value) || typeof value.type !== 'string' || !Object.hasOwn(shapes, value.type)) return false
  return shapes[value.type as JournalRecord['type']](value)
}
