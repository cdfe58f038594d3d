/** When each drift was first and last seen: a small file in the state's folder, written whole by every `infra drift`. */
import { join } from 'node:path'
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import { isObject, type Json } from '../model/value.js'
import { type Finding, findingsOf } from '../report/drift/findings.js'
import type { DriftReport } from '../report/drift/model.js'
import { storageError, systemCode } from '../state/storage-error.js'

/** One thing that drifted. Times are ISO 8601. */
export interface Sighting {
  /** `VirtualMachine/web`, or `Kind/name` of an object that nobody declared. */
  readonly subject: string
  /** Absent in what was written before it was recorded. */
  readonly connection?: string
  readonly rule: Finding['rule']
  readonly path?: string
  readonly first: string
  readonly last: string
  /** When a scan that could read it saw it no more. */
  readonly gone?: string
}

/** Beyond so many, what is gone is forgotten, the oldest first: the file must not grow for ever. */
const mostSightings = 10_000

const fileName = 'drift-history.json'

/** The sightings of a stack, newest last. */
export async function readDriftHistory(files: FileSystem, stateFolder: string): Promise<readonly Sighting[]> {
  const path = join(stateFolder, fileName)
  const bytes = await files.read(path)
  if (!bytes) return []
  const value = parse(Buffer.from(bytes).toString('utf8'), path)
  if (isObject(value) && value.format === 1 && Array.isArray(value.sightings))
    return value.sightings as unknown as Sighting[]
  throw broken(path)
}

/**
 * The history with a scan put in. What could not be read in this scan is neither seen nor gone; nor, where only a part was
 * looked at, is what lies outside of it.
 */
export function withScan(
  history: readonly Sighting[],
  report: DriftReport,
  inPart: (subject: string) => boolean = () => true,
): readonly Sighting[] {
  const unreadable = new Set(
    report.resources.filter(one => one.status === 'unreadable').map(one => one.address),
  )
  const unlisted = new Set(report.unlisted.map(one => one.connection))
  const unknown = ({ rule, subject, connection }: Sighting) =>
    rule === 'unmanaged'
      ? unlisted.size > 0 && (connection === undefined || unlisted.has(connection))
      : unreadable.has(subject)
  const now = new Map(
    findingsOf(report)
      .filter(finding => !finding.ignored && finding.rule !== 'unreadable' && inPart(finding.subject))
      .map(finding => [fullKeyOf(finding), finding]),
  )
  const anywhere = new Map([...now].map(([key, finding]) => [keyOf(finding), key]))
  const kept = history.map(sighting => {
    if (sighting.gone !== undefined || !inPart(sighting.subject)) return sighting
    // One that was written before its connection was: the same on any
    const key = sighting.connection === undefined ? anywhere.get(keyOf(sighting)) : fullKeyOf(sighting)
    if (key !== undefined && now.delete(key)) return { ...sighting, last: report.at }
    return unknown(sighting) ? sighting : { ...sighting, gone: report.at }
  })
  const added = [...now.values()].map(
    ({ subject, connection, rule, path }): Sighting => ({
      subject,
      connection,
      rule,
      ...(path !== undefined && { path }),
      first: report.at,
      last: report.at,
    }),
  )
  return forgetting([...kept, ...added])
}

function forgetting(all: readonly Sighting[]): readonly Sighting[] {
  let over = all.length - mostSightings
  if (over <= 0) return all
  return all.filter(one => {
    if (one.gone === undefined || over === 0) return true
    over -= 1
    return false
  })
}

/** Whoever takes the stack's lock removes what looks half written there, and takes this file's new one for it: it is written again. */
const mostTries = 5

/** Writes the history whole or not at all. Needs no lock. Fails with an error of kind storage. */
export async function writeDriftHistory(
  files: FileSystem,
  stateFolder: string,
  sightings: readonly Sighting[],
): Promise<void> {
  const path = join(stateFolder, fileName)
  const bytes = Buffer.from(`${JSON.stringify({ format: 1, sightings })}\n`)
  for (let tries = 1; ; tries += 1) {
    try {
      return await files.replace(path, bytes, 0o600)
    } catch (error) {
      if (tries < mostTries && systemCode(error) === 'ENOENT') continue
      throw storageError(error, { message: `the history of drift cannot be written: ${path}` })
    }
  }
}

/** What makes a finding the same one the next time: two hosts may have an object of one name. */
export function fullKeyOf(one: Pick<Sighting, 'subject' | 'rule' | 'path' | 'connection'>): string {
  return `${one.connection ?? ''} ${keyOf(one)}`
}

function keyOf({ subject, rule, path }: Pick<Finding, 'subject' | 'rule' | 'path'>): string {
  return `${rule} ${subject} ${path ?? ''}`
}

function parse(text: string, path: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    throw broken(path)
  }
}

function broken(path: string): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'broken-history',
    message: `the history of drift cannot be read: ${path}`,
    hint: 'Remove the file; only what was seen before is lost.',
  })
}
