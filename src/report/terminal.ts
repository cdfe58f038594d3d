/** A plan on a terminal: what is lost first, then what moves, then what is made; the verdict above and below. */
import type { Plan } from '../planner/plan.js'
import { changeText } from './change-text.js'
import { renderedLines } from './diff-lines.js'
import type { ReviewItem } from './items.js'
import { countsText, type Review, type ReviewInput, reviewOf } from './model.js'
import { paint, type Style, styleOf, symbols } from './style.js'
import { columns, cut, duration, pad, plural, visible, wrap } from './text.js'
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

/** Lists of what is changed and created longer than this are cut short; what is destroyed is always listed in full. */
const longList = 200

interface Page {
  readonly style: Style
  readonly width: number
  readonly full: boolean
  readonly lines: string[]
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

function restarts(review: Review, page: Page): void {
  if (review.restarts.length === 0) return
  page.lines.push(page.style.bold(`Restarts (${review.restarts.length})`))
  for (const restart of page.full ? review.restarts : review.restarts.slice(0, longList)) {
    const when = restart.when === 'now' ? page.style.yellow : page.style.dim
    const paths = restart.paths.length > 0 ? ` (${restart.paths.map(visible).join(', ')})` : ''
    const pending = restart.when === 'now' ? '' : 'pending: '
    hanging('  ', `${visible(restart.address)} ${pending}${restart.text}${paths}`, page, when)
  }
  more(review.restarts.length, page)
  page.lines.push('')
}

function capacity(review: Review, page: Page): void {
  if (review.capacity.length === 0) return
  hanging('', 'Capacity, as declared', page, page.style.bold)
  const width = Math.min(Math.max(...review.capacity.map(line => columns(visible(line.place)))), 40)
  for (const line of review.capacity) {
    const unit = line.unit === '' ? '' : ` ${visible(line.unit)}`
    const limit = line.limit === undefined ? '' : ` of ${line.limit}${unit}`
    const place = pad(cut(visible(line.place), width), width)
    const told = `${place}  ${pad(visible(line.resource), 6)}  ${line.before} → ${line.after}${unit}${limit}`
    if (line.fits) hanging('  ', told, page)
    else hanging('  ', `${told}: does not fit`, page, page.style.alarm)
  }
  page.lines.push('')
}

function drift(review: Review, page: Page): void {
  if (review.drift.length === 0) return
  const { style, lines } = page
  hanging('', `Drift: changed outside of infra (${review.drift.length})`, page, style.bold)
  const affecting = review.drift.filter(item => item.affects)
  for (const item of page.full ? review.drift : affecting.slice(0, longList)) {
    hanging('  ', `${visible(item.address)} ${item.status}; ${item.outcome}`, page, style.cyan)
    for (const change of item.changes) {
      const { sign, path, value } = changeText(change)
      hanging(`      ${sign} `, `${path}: ${value}`, page)
    }
  }
  if (!page.full) more(affecting.length, page)
  const others = review.drift.length - affecting.length
  if (others > 0 && !page.full)
    hanging(
      '  ',
      `${plural(others, 'more resource')} drifted and not part of this plan; infra drift lists them`,
      page,
      style.dim,
    )
  lines.push('')
}

function policy(review: Review, page: Page): void {
  if (!review.policy) return
  const { style, lines } = page
  const { evaluated, findings } = review.policy
  hanging('', `Policy: ${plural(evaluated, 'rule')}, ${plural(findings.length, 'finding')}`, page, style.bold)
  for (const finding of findings) {
    const where = finding.address ? `${finding.address}: ` : ''
    const colour = finding.level === 'deny' ? style.red : style.yellow
    hanging('  ', visible(`${finding.level} ${finding.rule}: ${where}${finding.reason}`), page, colour)
  }
  lines.push('')
}

function remarks(review: Review, page: Page): void {
  if (review.plan.remarks.length === 0) return
  page.lines.push(page.style.bold('Remarks'))
  for (const { address, text } of review.plan.remarks.slice(0, page.full ? undefined : longList))
    hanging('  ', visible(`${address}: ${text}`), page)
  more(review.plan.remarks.length, page)
  page.lines.push('')
}

function rendered(review: Review, page: Page): void {
  const told = renderedLines(review, Number.POSITIVE_INFINITY)
  if (told.length === 0) return
  const { style, lines } = page
  lines.push(style.bold('Rendered objects'))
  for (const line of told) {
    const [, sign = ' ', space = ' ', words = ''] = /^(.)( *)(.*)$/.exec(line) ?? []
    const colour = sign === '+' ? style.green : sign === '-' ? style.red : (text: string) => text
    hanging(` ${sign === '!' ? '~' : sign}${space}`, words, page, colour)
  }
  lines.push('')
}

function unreadable(review: Review, page: Page): void {
  if (review.unreadable.length === 0) return
  hanging('', `Could not be read (${review.unreadable.length})`, page, page.style.red)
  for (const { address, why } of review.unreadable) hanging('  ', visible(`${address}: ${why}`), page)
  page.lines.push('')
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

function more(count: number, page: Page): void {
  if (!page.full && count > longList)
    page.lines.push(page.style.dim(`  … and ${count - longList} more; --full lists them all`))
}

function text(styled: string, plain: string, page: Page): void {
  page.lines.push(columns(plain) <= page.width ? styled : cut(plain, page.width))
}

/** A paragraph with a mark before its first line and spaces before the others. */
function hanging(
  mark: string,
  told: string,
  page: Page,
  colour: (text: string) => string = line => line,
): void {
  const indent = /^ */.exec(mark)?.[0] ?? ''
  const narrow = page.width - mark.length < 24 && mark.trim().length > 2
  const [start, text] = narrow ? [indent, mark.trimStart() + told] : [mark, told]
  const [first = '', ...rest] = wrap(text, page.width - start.length)
  page.lines.push(`${start}${colour(first)}`)
  for (const line of rest) page.lines.push(' '.repeat(start.length) + colour(line))
}
