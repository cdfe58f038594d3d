/** Errors on a terminal: what happened, where, why, and what to do. And the same as data. */
import type { ErrorDetails, InfraError } from '../model/error.js'
import { styleOf } from './style.js'
import { visible } from './text.js'

export interface ErrorOptions {
  readonly colour: boolean
  /** Also tells what the systems below said, in their own words, however long. */
  readonly verbose?: boolean
}

/** All errors, one after the other, with the line of the stack file where there is one. */
export function renderErrors(errors: readonly InfraError[], options: ErrorOptions): string {
  return errors.map(error => renderError(error, options)).join('\n')
}

function renderError(error: InfraError, { colour, verbose }: ErrorOptions): string {
  const style = styleOf(colour)
  const { place, address } = error
  const lines = [`${style.red('error:')} ${style.bold(visible(error.message))}`]
  if (address !== undefined) lines.push(`  ${style.dim('resource:')} ${visible(address)}`)
  if (place) {
    lines.push(`  ${style.dim('at:')} ${visible(place.file)}:${place.line}:${place.column}`)
    if (place.text !== undefined) {
      const number = String(place.line)
      const text = visible(place.text)
      const mark = '^'.repeat(Math.max(1, Math.min(place.length ?? 1, text.length - place.column + 1)))
      lines.push(`  ${style.dim(`${number} |`)} ${text}`)
      lines.push(
        `  ${style.dim(`${' '.repeat(number.length)} |`)} ${' '.repeat(Math.max(0, place.column - 1))}${style.red(mark)}`,
      )
    }
  }
  if (error.why) lines.push(...block('why:', error.why, style.dim))
  if (error.hint) lines.push(...block('do:', error.hint, style.dim))
  const { cause } = error
  if (verbose && cause instanceof Error && cause.message !== error.why)
    lines.push(...block('said:', cause.message, style.dim))
  return `${lines.join('\n')}\n`
}

function block(label: string, text: string, dim: (text: string) => string): string[] {
  const [first = '', ...rest] = text.split('\n')
  return [`  ${dim(label)} ${visible(first)}`, ...rest.map(line => `    ${visible(line)}`)]
}

/** The errors as `--json` prints them. */
export function errorJson(errors: readonly InfraError[]): {
  readonly type: 'error'
  readonly errors: readonly ErrorDetails[]
} {
  return { type: 'error', errors: errors.map(error => error.details()) }
}
