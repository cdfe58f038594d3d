/** Errors as people and scripts read them: what, where with the line itself, why, and what to do. */
import { type ErrorDetails, InfraError, InfraErrors, messageOf, type SourcePlace } from '../model/error.js'
import { type Style, styleOf } from './style.js'
import { columns, cut, plural, visible, wrap } from './text.js'

export interface ErrorOptions {
  readonly colour: boolean
  /** Columns of the terminal; nothing is broken where it is absent. */
  readonly width?: number
  /** Also tells what the systems below said, in their own words. */
  readonly verbose?: boolean
}

/** More errors than this are counted, not listed. */
const manyErrors = 100

interface Page {
  readonly style: Style
  readonly width: number
  readonly verbose: boolean
}

/** Whatever was thrown, for a terminal. What infra did not raise on purpose is a defect, and is said to be one. */
export function renderError(thrown: unknown, { colour, width, verbose }: ErrorOptions): string {
  const page = { style: styleOf(colour), width: Math.max(width ?? 10_000, 20), verbose: verbose === true }
  const errors = errorsOf(thrown)
  if (errors === undefined) {
    const told = wrap(visible(messageOf(thrown)), page.width - 7).join('\n    ')
    return `${page.style.red('error:')} ${told}\n  This is a defect of infra: please report it.\n`
  }
  const parts = errors.slice(0, manyErrors).map(error => oneError(error, page))
  const rest = errors.length > manyErrors ? `, of which the first ${manyErrors} are listed` : ''
  if (errors.length > 1) parts.push(page.style.red(`${plural(errors.length, 'error')}${rest}\n`))
  return parts.join('\n')
}

/** The errors as plain data, as `--json` prints them. */
export function errorData(thrown: unknown): {
  readonly errors: readonly (ErrorDetails | { code: 'bug'; message: string })[]
} {
  const errors = errorsOf(thrown)
  return { errors: errors?.map(error => error.details()) ?? [{ code: 'bug', message: messageOf(thrown) }] }
}

function errorsOf(thrown: unknown): readonly InfraError[] | undefined {
  if (thrown instanceof InfraErrors) return thrown.errors
  return thrown instanceof InfraError ? [thrown] : undefined
}

function oneError(error: InfraError, { style, width, verbose }: Page): string {
  const { place, address, cause } = error
  const lines: string[] = []
  const say = (
    mark: string,
    text: string,
    paint: (text: string) => string,
    told = (line: string) => line,
  ) => {
    const room = width - 4
    const all = text
      .split('\n')
      .flatMap((line, index) => wrap(visible(line), index === 0 ? room - mark.length : room))
    for (const [index, line] of all.entries())
      lines.push(index === 0 ? `${paint(mark)} ${told(line)}` : `    ${told(line)}`)
  }
  say('error:', error.message, style.red, style.bold)
  if (address !== undefined) say('  resource:', address, style.dim)
  if (place) lines.push(...placeLines(place, style, width))
  if (error.why) say('  why:', error.why, style.dim)
  if (error.hint) say('  do:', error.hint, style.dim)
  if (verbose && cause instanceof Error && cause.message !== error.why)
    say('  said:', cause.message, style.dim)
  return `${lines.join('\n')}\n`
}

/** `stack.yaml:12:7`, the line, and a mark below what is meant. */
function placeLines(place: SourcePlace, style: Style, width: number): string[] {
  const lines = [`  ${style.dim('at:')} ${visible(place.file)}:${place.line}:${place.column}`]
  if (place.text === undefined) return lines
  const number = String(place.line)
  const room = Math.max(Math.min(width, 200) - number.length - 6, 10)
  // A long line is cut so that the mark stays in view.
  const start = Math.max(0, place.column - 1 - Math.floor(room / 2))
  const from = start > 0 && place.text.length > room ? start : 0
  const head = from > 0 ? '…' : ''
  const before = head + visible(place.text.slice(from, place.column - 1))
  const shown = before + visible(place.text.slice(place.column - 1))
  const marked = visible(place.text.slice(place.column - 1, place.column - 1 + (place.length ?? 1)))
  const length = Math.max(1, Math.min(columns(marked), room - columns(before)))
  lines.push(`  ${style.dim(`${number} |`)} ${cut(shown, room)}`)
  lines.push(
    `  ${style.dim(`${' '.repeat(number.length)} |`)} ${' '.repeat(columns(before))}${style.red('^'.repeat(length))}`,
  )
  return lines
}
