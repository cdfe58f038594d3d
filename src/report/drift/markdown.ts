/** Drift as an issue or a comment. */
import { clip, diffLine } from '../diff-lines.js'
import { code, fence } from '../markdown/escape.js'
import { type Block, bytesOf, cutMiddle, fitBlocks, withoutMiddle } from '../markdown/fit.js'
import { driftText, type Finding, findingsOf, ignoredText, verdictText } from './findings.js'
import type { DriftReport } from './model.js'

export interface DriftMarkdownOptions {
  /** Bytes; 60,000 by default. */
  readonly budget?: number
}

const signs = { modified: '!', deleted: '-', unmanaged: '+', unreadable: '-' } as const
const alerts = { none: 'NOTE', drift: 'WARNING', incomplete: 'CAUTION' } as const

/** Room for the sentence that tells what was left out. */
const noteRoom = 300

/** The report as markdown, for a comment or an issue. */
export function renderDriftMarkdown(report: DriftReport, options: DriftMarkdownOptions = {}): string {
  const findings = findingsOf(report)
  const open = (rule: Finding['rule']) => findings.filter(one => one.rule === rule && !one.ignored)
  const mode = Object.values(report.connections).some(({ type }) => type === 'embedded')
    ? ' (embedded: no real system)'
    : ''
  const head = [
    `<!-- infra drift ${report.stack.replace(/[^A-Za-z0-9._]/g, '_')} -->`,
    `### ${verdictText(report)} in ${code(clip(report.stack, 200))}${mode}`,
    '',
    `> [!${alerts[report.outcome]}]`,
    `> ${driftText(report)}`,
  ].join('\n')
  const foot = `---\nread ${code(report.at)} · state serial ${report.base.serial}`
  const blocks = [
    listing('unreadable', '#### Could not be read', open('unreadable').map(line)),
    listing(
      'deleted',
      '#### No longer there',
      open('deleted')
        .filter(one => one.path === undefined)
        .map(line),
    ),
    listing(
      'modified',
      '#### Modified',
      [...open('modified'), ...open('deleted').filter(one => one.path !== undefined)].map(line),
    ),
    listing('unmanaged', '#### Nobody declared', open('unmanaged').map(line)),
    listing(
      'expired',
      '#### Ignores that ended',
      report.ignores.expired.map(one =>
        diffLine('!', `${one.address} ${one.path ?? ''}: ${clip(ignoredText(one), 300)}`),
      ),
    ),
    listing(
      'ignored',
      'Ignored',
      findings.flatMap(one =>
        one.ignored ? [diffLine(' ', `${clip(told(one), 300)}: ${clip(ignoredText(one.ignored), 300)}`)] : [],
      ),
    ),
    listing(
      'remarks',
      'Remarks',
      report.resources.flatMap(one =>
        one.remark === undefined ? [] : [diffLine(' ', `${one.address}: ${clip(one.remark, 300)}`)],
      ),
    ),
  ]
  const fixed = bytesOf(head) + bytesOf(foot) + noteRoom
  const ways = ['remarks', 'ignored', 'expired', 'unmanaged', 'modified', 'deleted', 'unreadable'].map(
    withoutMiddle,
  )
  const { texts, dropped } = fitBlocks(blocks, (options.budget ?? 60_000) - fixed, ways)
  const note = dropped.length === 0 ? '' : `**Left out to fit:** ${dropped.join('; ')}.`
  return `${[head, ...texts, note, foot].filter(text => text !== '').join('\n\n')}\n`
}

function told({ subject, text }: Finding): string {
  return `${subject} ${text}`
}

function line(finding: Finding): string {
  return diffLine(signs[finding.rule], clip(told(finding), 500))
}

function listing(name: string, title: string, lines: readonly string[]): Block {
  if (lines.length === 0) return { name, forms: [] }
  const frame = (shown: readonly string[]) =>
    title.startsWith('#')
      ? `${title} (${lines.length})\n\n${fence('diff', shown)}`
      : `<details><summary>${title} (${lines.length})</summary>\n\n${fence('diff', shown)}\n\n</details>`
  return {
    name,
    forms: [{ text: () => frame(lines) }],
    shrink: bytes => {
      const cut = cutMiddle(lines, bytes - bytesOf(frame([])), count => `! … ${count} more, not listed here`)
      return { text: frame(cut.lines), dropped: `${cut.left} of ${lines.length} ${name}` }
    },
  }
}
