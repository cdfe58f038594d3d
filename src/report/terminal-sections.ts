/** What a plan on a terminal tells below its steps: what they cost, what drifted, what rules and systems say. */
import { changeText } from './change-text.js'
import { renderedLines } from './diff-lines.js'
import type { Review } from './model.js'
import { hanging, longList, more, type Page } from './terminal-page.js'
import { columns, cut, pad, plural, visible } from './text.js'

export function restarts(review: Review, page: Page): void {
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

export function capacity(review: Review, page: Page): void {
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

export function drift(review: Review, page: Page): void {
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

export function policy(review: Review, page: Page): void {
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

export function remarks(review: Review, page: Page): void {
  if (review.plan.remarks.length === 0) return
  page.lines.push(page.style.bold('Remarks'))
  for (const { address, text } of review.plan.remarks.slice(0, page.full ? undefined : longList))
    hanging('  ', visible(`${address}: ${text}`), page)
  more(review.plan.remarks.length, page)
  page.lines.push('')
}

export function rendered(review: Review, page: Page): void {
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

export function unreadable(review: Review, page: Page): void {
  if (review.unreadable.length === 0) return
  hanging('', `Could not be read (${review.unreadable.length})`, page, page.style.red)
  for (const { address, why } of review.unreadable) hanging('  ', visible(`${address}: ${why}`), page)
  page.lines.push('')
}
