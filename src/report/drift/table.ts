/** Drift on a terminal: what differs, what nobody declared, what could not be read; ignored drift below, never hidden. */
import { type Style, styleOf } from '../style.js'
import { duration, visible, wrap } from '../text.js'
import { driftText, type Finding, findingsOf, ignoredText, verdictText } from './findings.js'
import type { DriftReport } from './model.js'

export interface DriftTableOptions {
  readonly colour: boolean
  readonly width?: number
  /** Also lists what is in sync. */
  readonly full?: boolean
}

const marks: Readonly<Record<Finding['rule'], string>> = {
  modified: '~',
  deleted: '-',
  unmanaged: '?',
  unreadable: '!',
}

/** The report for a terminal. */
export function renderDriftTable(report: DriftReport, options: DriftTableOptions): string {
  const style = styleOf(options.colour)
  const width = Math.max(options.width ?? 100, 20)
  const findings = findingsOf(report)
  const lines: string[] = []
  const say = (mark: string, text: string, paint: (text: string) => string = line => line) => {
    const [first = '', ...rest] = wrap(visible(text), width - mark.length)
    lines.push(mark + paint(first), ...rest.map(line => ' '.repeat(mark.length) + paint(line)))
  }
  const colour =
    report.outcome === 'none' ? style.green : report.outcome === 'drift' ? style.yellow : style.red
  say('', `${report.stack}: ${verdictText(report)}; ${driftText(report)}`, line => style.bold(colour(line)))
  const embedded = Object.entries(report.connections).filter(([, { type }]) => type === 'embedded')
  if (embedded.length > 0)
    say(
      '',
      `embedded (${embedded.map(([name]) => name).join(', ')}): a small world on disk, no real system`,
      style.yellow,
    )
  let subject = ''
  for (const finding of findings.filter(one => !one.ignored)) {
    const paint = painted(finding, style)
    if (finding.subject !== subject) {
      lines.push('')
      lines.push(`${paint(marks[finding.rule])} ${style.bold(visible(finding.subject))}`)
    }
    subject = finding.subject
    say('    ', finding.text, paint)
  }
  const remarks = report.resources.filter(one => one.remark !== undefined)
  section(
    'Remarks',
    remarks.map(one => `${one.address}: ${one.remark}`),
    lines,
    say,
    style,
  )
  const pending = report.resources.filter(one => one.pending !== undefined)
  section(
    'Waits for a restart',
    pending.map(one => `${one.address}: ${one.pending?.join(', ')}`),
    lines,
    say,
    style,
  )
  const ignored = findings.flatMap(one =>
    one.ignored ? [`${one.subject} ${one.text}: ${ignoredText(one.ignored)}`] : [],
  )
  section('Ignored', ignored, lines, say, style)
  section('Ignores that ended', report.ignores.expired.map(ignoreLine), lines, say, style)
  section('Ignores that nothing needs', report.ignores.unused.map(ignoreLine), lines, say, style)
  if (options.full) {
    const calm = report.resources.filter(one => one.status === 'in-sync')
    section(
      'In sync',
      calm.map(one => one.address),
      lines,
      say,
      style,
    )
  }
  lines.push('', style.dim(`Read in ${duration(report.milliseconds)}, state serial ${report.base.serial}`))
  return `${lines.join('\n')}\n`
}

function ignoreLine(ignore: DriftReport['ignores']['expired'][number]): string {
  const path = ignore.path === undefined ? '' : ` ${ignore.path}`
  return `line ${ignore.line}: ${ignore.address}${path}: ${ignoredText(ignore)}`
}

function section(
  title: string,
  told: readonly string[],
  lines: string[],
  say: (mark: string, text: string) => void,
  style: Style,
): void {
  if (told.length === 0) return
  lines.push('', style.bold(`${title} (${told.length})`))
  for (const text of told) say('  ', text)
}

function painted({ rule }: Finding, style: Style): (text: string) => string {
  if (rule === 'modified') return style.yellow
  return rule === 'unmanaged' ? style.cyan : style.red
}
