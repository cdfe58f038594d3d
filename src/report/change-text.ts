/** One changed attribute in words; the same for every renderer. */
import { type Json, secretText } from '../model/value.js'
import type { Change } from '../planner/plan.js'
import { visible } from './text.js'
import { showAttribute } from './value.js'

export interface ChangeText {
  readonly sign: '+' | '-' | '~'
  readonly path: string
  /** `2 → 4`, `"raw"`, `(sensitive, changed)`. */
  readonly value: string
  /** `forces replacement`, `at restart`, `drift`. */
  readonly notes: readonly string[]
}

interface Moved {
  readonly path: string
  readonly from?: Json
  readonly to?: Json
  readonly sensitive?: true
}

/** The words for a changed attribute; secrets by their mark alone. */
export function changeText(change: Moved & Partial<Pick<Change, 'how' | 'origin'>>, arrow = '→'): ChangeText {
  const { from, to } = change
  const sign = from === undefined ? '+' : to === undefined ? '-' : '~'
  const notes: string[] = []
  if (change.how === 'replace') notes.push('forces replacement')
  if (change.how === 'restart') notes.push('needs a restart')
  if (change.origin === 'drift') notes.push('drift')
  if (change.origin === 'both') notes.push('changed on both sides')
  return { sign, path: visible(change.path), value: moved(change, sign, arrow), notes }
}

function moved(change: Moved, sign: ChangeText['sign'], arrow: string): string {
  if (change.sensitive) return sign === '~' ? '(sensitive, changed)' : secretText
  if (sign === '+') return showAttribute(change.path, change.to)
  if (sign === '-') return showAttribute(change.path, change.from)
  return `${showAttribute(change.path, change.from)} ${arrow} ${showAttribute(change.path, change.to)}`
}
