/**
 * A plan as a comment on a pull request. Ordered by a reviewer's worry; kept under a budget by leaving out what matters least,
 * and saying so; proof against whatever names and values hold.
 */
import type { Plan } from '../planner/plan.js'
import { type AsPlanned, applyCommand } from './apply-command.js'
import { clip } from './diff-lines.js'
import { blocksOf } from './markdown/blocks.js'
import { code, fence, link } from './markdown/escape.js'
import { bytesOf, fitBlocks, type Shorter, shorterForm, withoutMiddle } from './markdown/fit.js'
import { type Review, type ReviewInput, reviewOf } from './model.js'

export interface MarkdownOptions extends ReviewInput, AsPlanned {
  /** Bytes; 60,000 by default. Hosts refuse comments above 65,536 characters. */
  readonly budget?: number
  readonly commit?: string
  /** When the systems were read, as people shall read it. */
  readonly readAt?: string
  /** Where the whole report is, told when something was left out: an https address, or a name. */
  readonly whole?: string
}

/** Room for the sentence that tells what was left out. */
const noteRoom = 800

/** What gives way, one after the other, until all fits: what was not changed, then middles, and what destroys last. */
const giveWay: readonly Shorter[] = [
  ...['update', 'replace', 'graph', 'create', 'record', 'destroy'].map(shorterForm),
  ...['rendered', 'create', 'record', 'remarks'].map(withoutMiddle),
  ...['update'].map(shorterForm),
  ...['update', 'restarts', 'drift'].map(withoutMiddle),
  ...['replace', 'replace', 'destroy'].map(shorterForm),
  ...['policy', 'unreadable', 'replace', 'destroy', 'problems'].map(withoutMiddle),
]

/** The plan as markdown for a comment, within a budget of bytes; what had to be left out is counted. */
export function renderMarkdown(plan: Plan, options: MarkdownOptions = {}): string {
  const review = reviewOf(plan, options)
  const top = head(review)
  const foot = footer(review, options)
  const fixed = bytesOf(top) + bytesOf(foot) + noteRoom
  const { texts, dropped } = fitBlocks(blocksOf(review), (options.budget ?? 60_000) - fixed, giveWay)
  return `${[top, ...texts, leftOut(dropped, options), foot].filter(text => text !== '').join('\n\n')}\n`
}

/** A line by which a job finds its own comment again; no reader sees it. */
export function stickyMark(stack: string): string {
  return `<!-- infra plan ${stack.replace(/[^A-Za-z0-9._]/g, '_')} -->`
}

const alerts = {
  nothing: 'NOTE',
  safe: 'NOTE',
  caution: 'WARNING',
  danger: 'CAUTION',
  blocked: 'CAUTION',
} as const

const modes: Readonly<Record<Plan['mode'], string>> = {
  apply: 'Plan',
  destroy: 'Plan to destroy',
  accept: 'Plan to take reality into the state (no real thing is changed)',
  rollback: 'Plan of the way back',
}

function head({ plan, verdict, embedded }: Review): string {
  const lines = [
    stickyMark(plan.stack),
    `### ${modes[plan.mode]} of ${code(clip(plan.stack, 200))}: ${verdict.text}`,
  ]
  const all = Object.keys(plan.connections).length === embedded.length
  const names = all
    ? ''
    : ` (${embedded
        .slice(0, 20)
        .map(name => code(clip(name, 60)))
        .join(', ')})`
  const told = [
    ...(embedded.length > 0 ? [`embedded${names}: a small world on disk, no real system`] : []),
    ...verdict.warnings,
  ]
  if (told.length > 0) lines.push('', `> [!${alerts[verdict.level]}]`, ...told.map(line => `> - ${line}`))
  return lines.join('\n')
}

function leftOut(dropped: readonly string[], options: MarkdownOptions): string {
  if (dropped.length === 0) return ''
  const whole =
    options.whole === undefined
      ? `${code('infra show')} of the saved plan has all of it`
      : `the whole: ${link(options.whole, 'full report')}`
  return `**Left out to fit this comment:** ${dropped.join('; ')}. In full: ${whole}.`
}

function footer({ plan }: Review, options: MarkdownOptions): string {
  const facts = [
    ...(options.commit === undefined ? [] : [`commit ${code(clip(options.commit, 64))}`]),
    `state serial ${plan.base.serial}`,
    ...(options.readAt === undefined ? [] : [`read ${code(clip(options.readAt, 64))}`]),
    `digest ${code(plan.digest)}`,
  ]
  const command = applyCommand(plan, options)
  const told = command === undefined ? '' : `\n\nTo apply exactly this:\n\n${fence('sh', [command])}`
  return `---\n${facts.join(' · ')}${told}`
}
