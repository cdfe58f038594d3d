/** The drift of a report as a flat list, one entry a thing that differs: for formats that know only lists. */
import type { Json } from '../../model/value.js'
import { changeText } from '../change-text.js'
import { plural } from '../text.js'
import type { Ignored } from './ignores.js'
import type { DriftReport, DriftResource } from './model.js'

export interface Finding {
  readonly rule: 'modified' | 'deleted' | 'unmanaged' | 'unreadable'
  /** `VirtualMachine/web`, `Volume/found` */
  readonly subject: string
  readonly connection: string
  readonly path?: string
  /** As recorded, and as it is there; secrets are masked. */
  readonly from?: Json
  readonly to?: Json
  readonly sensitive?: true
  /** In words, without the subject. */
  readonly text: string
  readonly ignored?: Ignored
  readonly source?: DriftResource['source']
}

/** Every finding of a report as one flat list, for formats that know only such: SARIF, JUnit, the history. */
export function findingsOf(report: DriftReport): Finding[] {
  return [
    ...report.resources.flatMap(resourceFindings),
    ...report.unmanaged.map(
      ({ kind, name, connection, place, ignored }): Finding => ({
        rule: 'unmanaged',
        subject: `${kind}/${name}`,
        connection,
        text: `nobody declared it; found ${place}`,
        ...(ignored && { ignored }),
      }),
    ),
    ...report.unlisted.map(
      ({ connection, why }): Finding => ({
        rule: 'unreadable',
        subject: connection,
        connection,
        text: `what nobody declared there could not be listed: ${why}`,
      }),
    ),
  ]
}

function resourceFindings(resource: DriftResource): Finding[] {
  const { address: subject, connection, source, ignored } = resource
  const common = { subject, connection, source }
  if (resource.status === 'unreadable') {
    return [
      { ...common, rule: 'unreadable', text: `could not be read: ${resource.why ?? 'no reason was given'}` },
    ]
  }
  if (resource.status === 'deleted') {
    return [
      { ...common, rule: 'deleted', text: 'is recorded and no longer there', ...(ignored && { ignored }) },
    ]
  }
  return resource.attributes.flatMap(attribute => {
    if (attribute.status !== 'modified' && attribute.status !== 'deleted') return []
    const { path, value } = changeText(attribute)
    const text = attribute.status === 'deleted' ? `${path} is gone: it was ${value}` : `${path}: ${value}`
    return [
      {
        ...common,
        rule: attribute.status,
        path,
        text,
        ...(attribute.from !== undefined && { from: attribute.from }),
        ...(attribute.to !== undefined && { to: attribute.to }),
        ...(attribute.sensitive && { sensitive: attribute.sensitive }),
        ...(attribute.ignored && { ignored: attribute.ignored }),
      },
    ]
  })
}

/** `2 modified, 1 deleted, 3 unmanaged, 40 in sync`; what is none is left out. */
export function driftText({ counts }: DriftReport): string {
  const parts = [
    [counts.modified, 'modified'],
    [counts.deleted, 'deleted'],
    [counts.unmanaged, 'unmanaged'],
    [counts.unreadable, 'unreadable'],
    [counts.ignored, 'ignored'],
    [counts.inSync, 'in sync'],
  ] as const
  const told = parts.filter(([amount]) => amount > 0).map(([amount, word]) => `${amount} ${word}`)
  return told.length === 0 ? 'nothing is managed' : told.join(', ')
}

/** What a reader must know before anything else. */
export function verdictText(report: DriftReport): string {
  if (report.outcome === 'none') return 'No drift'
  if (report.outcome === 'drift') return 'Drift'
  const { counts, unlisted } = report
  const unread = counts.unreadable > 0 ? [`${plural(counts.unreadable, 'resource')} could not be read`] : []
  const unseen = unlisted.map(({ connection }) => `objects of ${connection} could not be listed`)
  return `Incomplete: ${[...unread, ...unseen].join(', ')}`
}

/** `reason (until 2026-12-31)` */
export function ignoredText({ reason, until }: Ignored): string {
  return until === undefined ? reason : `${reason} (until ${until})`
}
