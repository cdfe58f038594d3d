/** What a review says as lines of a `diff`: the sign in the first column. Comments and pages show the same lines. */

import { within } from '../planner/diff.js'
import { changeText } from './change-text.js'
import type { ReviewItem } from './items.js'
import type { Review } from './model.js'
import { columns, plural, visible } from './text.js'
import { leavesOf, showAttribute } from './value.js'

/** `full`: with unchanged attributes. `changes`: what changes. `brief`: a line. `names`: the address alone. */
export type Detail = 'full' | 'changes' | 'brief' | 'names'

const signs = {
  create: '+',
  update: '!',
  replace: '!',
  delete: '-',
  adopt: '!',
  forget: '!',
  'no-op': ' ',
} as const

const verbs: Readonly<Partial<Record<ReviewItem['action'], string>>> = {
  replace: 'replace ',
  adopt: 'adopt ',
  forget: 'forget ',
}

/** No single text takes more than this many characters of a comment; a page has room for all of it. */
const commentLimit = 300

/** One step as lines of a diff; `detail` says how much of it. Lines are clipped at so many characters. */
export function itemLines(item: ReviewItem, detail: Detail, limit = commentLimit): string[] {
  const sign = signs[item.action]
  if (detail === 'names') return [diffLine(sign, clip(item.address, limit))]
  const hazards = item.hazards.length > 0 ? `  [${item.hazards.join(', ')}]` : ''
  const head = `${verbs[item.action] ?? ''}${clip(item.address, limit)}${hazards}`
  const destroys = item.action === 'delete' || item.action === 'replace'
  if (detail === 'brief') {
    const data = item.data === undefined ? '' : `  destroys ${clip(item.data, 80)}`
    const causes = item.causes.length === 0 ? '' : `  because of ${clip(item.causes.join(', '), 80)}`
    const undo = destroys ? `  undo: ${item.undo.how}` : ''
    return [diffLine(sign, `${head}${data}${causes}${undo}`)]
  }
  return [
    diffLine(sign, head),
    ...(item.cause === undefined ? [] : [diffLine(' ', `  because ${clip(item.cause, limit)}`)]),
    ...(item.data === undefined ? [] : [diffLine('!', `  destroys ${clip(item.data, limit)}`)]),
    ...item.changes.map(change => changeLine(change, limit)),
    ...(item.restart ? [diffLine('!', '  restarts now')] : []),
    ...(destroys ? [diffLine(' ', `  undo: ${clip(item.undo.text, limit)}`)] : []),
    ...(item.action === 'create' ? attributes(item, '+', limit) : []),
    ...(detail === 'full' && (item.action === 'update' || item.action === 'replace')
      ? attributes(item, ' ', limit)
      : []),
    ...(detail === 'full' && item.action === 'delete' ? attributes(item, '-', limit) : []),
  ]
}

function changeLine(change: Parameters<typeof changeText>[0], limit: number): string {
  const { sign, path, value, notes } = changeText(change)
  const note = notes.length > 0 ? `  (${notes.join(', ')})` : ''
  return diffLine(sign === '~' ? '!' : sign, `  ${clip(path, limit)}: ${clip(value, limit)}${note}`)
}

/** Attributes that are not among the changes. */
function attributes(item: ReviewItem, sign: '+' | '-' | ' ', limit: number): string[] {
  return leavesOf(item.spec)
    .filter(leaf => !item.changes.some(change => within(leaf.path, change.path)))
    .map(({ path, value }) =>
      diffLine(sign, `  ${clip(path, limit)}: ${clip(showAttribute(path, value), limit)}`),
    )
}

/** What forbids to apply the plan. */
export function problemLines({ problems }: Review, limit = commentLimit): string[] {
  return problems.flatMap(({ message, address, hint }) => [
    diffLine('-', `${address ? `${address}: ` : ''}${clip(message, limit)}`),
    ...(hint ? [diffLine(' ', `  ${clip(hint, limit)}`)] : []),
  ])
}

/** What stops or restarts, now or later. */
export function restartLines({ restarts }: Review, limit = commentLimit): string[] {
  return restarts.map(({ address, when, text, paths }) => {
    const causes = paths.length > 0 ? ` (${clip(paths.join(', '), limit)})` : ''
    return diffLine(
      when === 'now' ? '!' : ' ',
      `${address} ${when === 'now' ? '' : 'pending: '}${text}${causes}`,
    )
  })
}

/** What changed outside of infra, and what the plan does about it. */
export function driftLines({ drift }: Review, limit = commentLimit): string[] {
  const affecting = drift.filter(item => item.affects)
  const others = drift.length - affecting.length
  return [
    ...affecting.flatMap(item => [
      diffLine('!', `${item.address} ${item.status}; ${item.outcome}`),
      ...item.changes.map(change => changeLine(change, limit)),
    ]),
    ...(others > 0 && affecting.length > 0
      ? [diffLine(' ', `${plural(others, 'more resource')} drifted, not part of this plan`)]
      : []),
  ]
}

/** What the policy finds. */
export function policyLines({ policy }: Review, limit = commentLimit): string[] {
  if (!policy) return []
  if (policy.findings.length === 0) return [diffLine(' ', 'every rule holds')]
  const sorted = [...policy.findings].sort((a, b) => (a.level === b.level ? 0 : a.level === 'deny' ? -1 : 1))
  return sorted.map(({ level, rule, address, reason }) =>
    diffLine(
      level === 'deny' ? '-' : '!',
      `${level} ${rule}: ${address ? `${address}: ` : ''}${clip(reason, limit)}`,
    ),
  )
}

/** What could not be read, and why. */
export function unreadableLines({ unreadable }: Review, limit = commentLimit): string[] {
  return unreadable.map(({ address, why }) => diffLine('-', `${address}: ${clip(why, limit)}`))
}

/** What systems say beside. */
export function remarkLines({ plan }: Review, limit = commentLimit): string[] {
  return plan.remarks.map(({ address, text }) => diffLine(' ', `${address}: ${clip(text, limit)}`))
}

/** Objects that charts render: what is added, removed and changed of them, value by value. */
export function renderedLines({ rendered }: Review, limit = commentLimit): string[] {
  return rendered.flatMap(({ address, why, objects }) => [
    diffLine(
      ' ',
      `${address}${why !== undefined ? `: ${clip(why, limit)}` : objects.length === 0 ? ': as they are' : ''}`,
    ),
    ...objects.flatMap(({ object, op, changes }) => [
      diffLine(op === 'add' ? '+' : op === 'remove' ? '-' : '!', `  ${clip(object, limit)}`),
      ...changes.map(change => changeLine(change, limit).replace(/^(.) /, '$1   ')),
    ]),
  ])
}

/** One line of a `diff` block: the sign in the first column, so that it is coloured, whatever follows. */
export function diffLine(sign: '+' | '-' | '!' | ' ', text: string): string {
  return `${sign} ${visible(text)}`.trimEnd()
}

/** Text cut to so many characters, for lines that would be endless otherwise. */
export function clip(text: string, width: number): string {
  return columns(text) <= width ? text : `${text.slice(0, width - 1)}…`
}
