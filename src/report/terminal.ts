/** A plan on a terminal: what is lost first, then what moves, then what is made; the verdict above and below. */
import type { Plan } from '../planner/plan.js'
import { changeText } from './change-text.js'
import type { ReviewItem } from './items.js'
import { countsText, type Review, type ReviewInput, reviewOf } from './model.js'
import { paint, type Style, styleOf, symbols } from './style.js'
import { hanging, longList, type Page, text } from './terminal-page.js'
import { capacity, drift, policy, remarks, rendered, restarts, unreadable } from './terminal-sections.js'
import { columns, cut, duration, visible, wrap } from './text.js'
import { leavesOf, showAttribute } from './value.js'

export interface TerminalOptions extends ReviewInput {
  readonly colour: boolean
  /** Columns of the terminal; 100 where it is none. */
  readonly width?: number
  /** How long planning took, in milliseconds. */
  readonly milliseconds?: number
  /** All attributes of what is created, and no list cut short. */
  readonly full?: boolean
}

/** The plan for a terminal, masked, each line within its width. */
export function renderTerminal(plan: Plan, options: TerminalOptions): string {
  const review = reviewOf(plan, options)
  const style = styleOf(options.colour)
  const page: Page = {
    style,
    width: Math.max(options.width ?? 100, 20),
    full: options.full === true,
    lines: [],
  }
  head(review, page)
  section('Destroy', review.destroys, page, Number.POSITIVE_INFINITY)
  section('Replace', review.replaces, page, Number.POSITIVE_INFINITY)
  section('Change', review.updates, page, longList)
  section('Create', review.creates, page, longList)
  section(
    'Only recorded',
    review.records.filter(item => item.action !== 'no-op'),
    page,
    longList,
  )
  restarts(review, page)
  capacity(review, page)
  drift(review, page)
  policy(review, page)
  rendered(review, page)
  remarks(review, page)
  unreadable(review, page)
  foot(review, page, options.milliseconds)
  return `${page.lines.join('\n')}\n`
}

/** What a plan of this mode is called. */
const modeText: Readonly<Record<Plan['mode'], string>> = {
  apply: 'plan',
  destroy: 'plan to destroy',
  accept: 'plan to take reality into the state; no real thing is changed',
  rollback: 'plan of the way back',
}

function head(review: Review, page: Page): void {
  const { style, lines } = page
  const { plan, verdict } = review
  const name = style.bold(visible(plan.stack))
  text(`${name}: ${modeText[plan.mode]}`, `${visible(plan.stack)}: ${modeText[plan.mode]}`, page)
  if (review.embedded.length > 0) hanging('  ', `${embeddedText(review)}`, page, style.yellow)
  hanging('  ', verdict.text, page, levelPaint(verdict.level, style))
  for (const warning of verdict.warnings) hanging('  ! ', visible(warning), page, style.alarm)
  for (const { message, address, hint } of review.problems) {
    const where = address ? `${address}: ` : ''
    hanging('  x ', visible(`${where}${message}`), page, style.red)
    if (hint) hanging('      ', visible(hint), page)
  }
  lines.push('')
}

/** `embedded: no real system is touched`, with the names where only some connections are. */
export function embeddedText(review: Review): string {
  const all = Object.keys(review.plan.connections).length === review.embedded.length
  const names = all ? '' : ` (${review.embedded.map(visible).join(', ')})`
  return `embedded${names}: a small world on disk, no real system`
}

function levelPaint(level: Review['verdict']['level'], style: Style): (text: string) => string {
  if (level === 'danger' || level === 'blocked') return style.red
  return level === 'caution' ? style.yellow : style.green
}

function section(title: string, items: readonly ReviewItem[], page: Page, limit: number): void {
  if (items.length === 0) return
  const { style, lines } = page
  lines.push(style.bold(`${title} (${items.length})`))
  const shown = page.full || items.length <= limit ? items : items.slice(0, limit)
  for (const item of shown) one(item, page)
  if (shown.length < items.length)
    lines.push(
      style.dim(cut(`  … and ${items.length - shown.length} more; --full lists them all`, page.width)),
    )
  lines.push('')
}

function one(item: ReviewItem, page: Page): void {
  const { style } = page
  const colour = paint(item.action, style)
  const symbol = symbols[item.action]
  const hazards = item.hazards.join(' ')
  const address = visible(item.address)
  const used = symbol.length + 1 + columns(address)
  const oneLine = used + 2 + hazards.length <= page.width
  // Never cut: two long names may differ in their ends, and one of them is about to go.
  const head = `${colour(symbol)} ${style.bold(address)}`
  if (hazards === '') page.lines.push(`${head}${summary(item, page, used)}`)
  else if (oneLine) page.lines.push(`${head}  ${style.red(hazards)}`)
  else {
    page.lines.push(head)
    hanging('    ', hazards, page, style.red)
  }
  if (item.cause !== undefined) hanging('    because ', visible(item.cause), page)
  if (item.data !== undefined) hanging('    destroys ', visible(item.data), page, style.red)
  for (const change of item.changes) changed(change, page)
  if (item.restart) hanging('    ', 'restarts now', page, style.yellow)
  if (item.action === 'delete' || item.action === 'replace')
    hanging('    undo: ', visible(item.undo.text), page, style.dim)
  if (item.action === 'create' && page.full) attributes(item, page)
}

/** What is created in a few words, as far as the line has room. */
function summary(item: ReviewItem, page: Page, used: number): string {
  if (item.action !== 'create' || page.full) return ''
  const room = page.width - used - 2
  if (room < 12) return ''
  let told = ''
  for (const { path, value } of leavesOf(item.spec)) {
    const next = `${visible(path)}=${showAttribute(path, value)}`
    const joined = told === '' ? next : `${told} ${next}`
    if (columns(joined) > room - 2)
      return `  ${page.style.dim(told === '' ? cut(joined, room) : `${told} …`)}`
    told = joined
  }
  return told === '' ? '' : `  ${page.style.dim(told)}`
}

function attributes(item: ReviewItem, page: Page): void {
  for (const { path, value } of leavesOf(item.spec))
    page.lines.push(
      `    ${page.style.green('+')} ${cut(`${visible(path)}: ${showAttribute(path, value)}`, page.width - 6)}`,
    )
}

function changed(change: ReviewItem['changes'][number], page: Page): void {
  const { style } = page
  const { sign, path, value, notes } = changeText(change)
  const colour = sign === '+' ? style.green : sign === '-' ? style.red : style.yellow
  const note = notes.length === 0 ? '' : `  (${notes.join(', ')})`
  const whole = `${path}: ${value}`
  const room = page.width - 6
  if (columns(whole) + columns(note) <= room) {
    page.lines.push(`    ${colour(sign)} ${whole}${style.dim(note)}`)
    return
  }
  page.lines.push(`    ${colour(sign)} ${cut(`${path}:${note}`, room)}`)
  for (const line of wrap(value, page.width - 10).slice(0, 4)) page.lines.push(`          ${line}`)
}

function foot(review: Review, page: Page, milliseconds: number | undefined): void {
  const { style } = page
  const { plan, counts } = review
  const hazards = review.hazards.map(({ hazard, count }) => `${hazard} ${count}`).join(', ')
  const time = milliseconds === undefined ? '' : ` Planned in ${duration(milliseconds)}.`
  const incomplete = plan.incomplete ? ' Incomplete.' : ''
  const told = plan.steps.length === 0 ? 'Nothing to do' : `Plan: ${countsText(counts)}`
  const level = levelPaint(review.verdict.level, style)
  hanging('', `${told}.${hazards ? ` Hazards: ${hazards}.` : ''}${incomplete}${time}`, page, line =>
    style.bold(level(line)),
  )
  // Never broken, so that it can be copied from a narrow terminal, too.
  const digest = `Digest ${plan.digest}`
  const serial = `state serial ${plan.base.serial}`
  const last = `${digest}, ${serial}`
  for (const line of columns(last) <= page.width ? [last] : [digest, serial]) page.lines.push(style.dim(line))
}
