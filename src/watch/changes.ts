/** What is new between two reports of drift. */
import { type Finding, findingsOf } from '../report/drift/findings.js'
import type { DriftReport, DriftResource } from '../report/drift/model.js'
import { fullKeyOf } from '../session/drift-history.js'
import type { DriftChange, WatchEvent } from './event.js'

/** What is known of drift after a look. */
export interface Known {
  /** By what drifted: rule, connection, subject and path. */
  readonly drift: ReadonlyMap<string, Finding>
  /** By connection and subject: why it cannot be read. */
  readonly unreadable: ReadonlyMap<string, Finding>
  /** By address: what the system says beside. */
  readonly remarks: ReadonlyMap<string, DriftResource>
}

export const nothingKnown: Known = { drift: new Map(), unreadable: new Map(), remarks: new Map() }

/** The events that lead from what was known to what a report says, and what is known then. Ignored drift is none. */
export function changesSince(before: Known, report: DriftReport): { known: Known; events: WatchEvent[] } {
  const { at, stack } = report
  const findings = findingsOf(report).filter(finding => !finding.ignored)
  const unreadable = new Map(
    findings.filter(one => one.rule === 'unreadable').map(one => [subjectOf(one), one]),
  )
  const unlisted = new Set(report.unlisted.map(one => one.connection))
  const drift = new Map(findings.filter(one => one.rule !== 'unreadable').map(one => [fullKeyOf(one), one]))
  const events: WatchEvent[] = []
  const change = (how: DriftChange['change'], finding: Finding) => {
    const { rule, subject: resource, connection, path, from, to, sensitive, text } = finding
    if (rule === 'unreadable') return
    events.push({
      type: 'drift',
      change: how,
      at,
      stack,
      rule,
      resource,
      connection,
      ...(path !== undefined && { path }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(sensitive && { sensitive }),
      text: how === 'gone' ? goneText(finding) : text,
    })
  }
  for (const [key, finding] of drift) {
    const earlier = before.drift.get(key)
    if (!earlier) change('appeared', finding)
    else if (earlier.text !== finding.text || !same(earlier, finding)) change('changed', finding)
  }
  for (const [key, finding] of before.drift) {
    if (drift.has(key)) continue
    // What cannot be read now is neither there nor gone
    const unknown =
      finding.rule === 'unmanaged' ? unlisted.has(finding.connection) : unreadable.has(subjectOf(finding))
    if (unknown) drift.set(key, finding)
    else change('gone', finding)
  }
  const [lost, found] = [new Map<string, Finding[]>(), new Map<string, Finding[]>()]
  for (const [subject, finding] of unreadable)
    if (before.unreadable.get(subject)?.text !== finding.text)
      gather(lost, `${finding.connection} ${finding.text}`, finding)
  for (const [subject, finding] of before.unreadable)
    if (!unreadable.has(subject)) gather(found, finding.connection, finding)
  for (const some of lost.values()) events.push({ type: 'unreadable', ...about(some), why: whyOf(some) })
  for (const some of found.values()) events.push({ type: 'readable', ...about(some) })
  const remarks = new Map(report.resources.filter(one => remarkOf(one) !== '').map(one => [one.address, one]))
  for (const one of report.resources) {
    const earlier = before.remarks.get(one.address)
    if (one.status === 'unreadable') {
      if (earlier) remarks.set(one.address, earlier)
      continue
    }
    const text = remarkOf(one)
    if (text === (earlier ? remarkOf(earlier) : '')) continue
    events.push({ type: 'remark', at, stack, resource: one.address, connection: one.connection, text })
  }
  const there = new Set(report.resources.map(one => one.address))
  for (const [resource, { connection }] of before.remarks)
    if (!there.has(resource)) events.push({ type: 'remark', at, stack, resource, connection, text: '' })
  return { known: { drift, unreadable, remarks }, events }

  function about(some: readonly Finding[]) {
    const resources = some.map(one => one.subject)
    return { at, stack, connection: some[0]?.connection ?? '', resources }
  }
}

function goneText({ rule, path }: Finding): string {
  if (path !== undefined) return `${path}: is as recorded, or recorded as it is`
  return rule === 'unmanaged'
    ? 'is no longer there, or is declared'
    : 'is there again, or is no longer recorded'
}

function remarkOf({ remark, pending }: DriftResource): string {
  const waits = pending?.length ? [`waits for a restart: ${pending.join(', ')}`] : []
  return [...(remark === undefined ? [] : [remark]), ...waits].join('; ')
}

function gather(groups: Map<string, Finding[]>, key: string, finding: Finding): void {
  const group = groups.get(key)
  if (group) group.push(finding)
  else groups.set(key, [finding])
}

function whyOf([first]: readonly Finding[]): string {
  return first?.text ?? ''
}

function subjectOf({ connection, subject }: Finding): string {
  return `${connection} ${subject}`
}

function same(a: Finding, b: Finding): boolean {
  return JSON.stringify([a.from, a.to]) === JSON.stringify([b.from, b.to])
}
