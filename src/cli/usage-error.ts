/** A command line that is wrong, told as every other error of infra is. */
import { CLIError } from '@oclif/core/errors'
import { InfraError } from '../model/error.js'
import { nearest } from '../stack/nearest.js'
import { commandOf, insteadOf } from './other-words.js'

/** The error of a command line that could not be understood, or undefined where something else went wrong. */
export function usageError(
  thrown: unknown,
  argv: readonly string[],
  bin: string,
  commands: readonly string[],
  flags: readonly string[] = [],
): InfraError | undefined {
  if (!(thrown instanceof CLIError) && !isBadArgument(thrown)) return undefined
  const command = longestCommand(argv, commands)
  if (command === undefined) return unknownCommand(argv, bin, commands)
  const { instead, ...told } = plainUsage(thrown.message, flags)
  return new InfraError({
    kind: 'configuration',
    code: 'usage',
    ...told,
    hint: instead ?? `\`${bin} ${command} --help\` shows how it is called.`,
  })
}

/** Refuses `-out=FILE`, which would be taken for `-o` with the value `ut=FILE`. */
export function requireTwoDashes(argv: readonly string[], flags: readonly string[]): void {
  const end = argv.indexOf('--')
  for (const word of end < 0 ? argv : argv.slice(0, end)) {
    const name = /^-([a-z][a-z-]+)(?:=.*)?$/s.exec(word)?.[1]
    if (name === undefined || !flags.includes(name)) continue
    throw new InfraError({
      kind: 'configuration',
      code: 'usage',
      message: `there is no flag -${name}`,
      why: `There is one called --${name}.`,
      hint: (word.endsWith('=false') ? insteadOf(name) : undefined) ?? `Write --${name}, with two dashes.`,
    })
  }
}

function unknownCommand(argv: readonly string[], bin: string, commands: readonly string[]): InfraError {
  const words = argv.filter(word => !word.startsWith('-'))
  const asked = words.slice(0, 2).join(' ')
  const near =
    commandOf(words[0] ?? '') ?? nearest(asked, commands)[0] ?? nearest(words[0] ?? '', commands)[0]
  return new InfraError({
    kind: 'configuration',
    code: 'unknown-command',
    message: `there is no command ${JSON.stringify(words[0] ?? '')}`,
    hint: near ? `Did you mean \`${bin} ${near}\`?` : `\`${bin} --help\` lists the commands.`,
  })
}

/** The command that the words begin with: `state show` before `state`. */
function longestCommand(argv: readonly string[], commands: readonly string[]): string | undefined {
  const names = new Set(commands)
  const words = argv.filter(word => !word.startsWith('-'))
  for (let count = Math.min(words.length, 3); count > 0; count--) {
    const name = words.slice(0, count).join(' ')
    if (names.has(name)) return name
  }
  return undefined
}

/** An argument of the wrong form is a plain error to the parser of the command line. */
function isBadArgument(thrown: unknown): thrown is Error {
  return thrown instanceof Error && /^Expected an? (integer|valid) /.test(thrown.message)
}

/** What the parser of the command line says, in infra's words: one line, and what may have been meant. */
function plainUsage(
  said: string,
  flags: readonly string[],
): { message: string; why?: string; instead?: string | undefined } {
  const text = said.replace(/\n?See more help with --help$/, '').trim()
  const notFound = /^command (\S+) not found$/.exec(text)?.[1]
  if (notFound !== undefined) return { message: `Unexpected argument: ${notFound.split(':').at(-1)}` }
  const unknown = /^Nonexistent flags?: (.+)$/.exec(text)?.[1]
  if (unknown !== undefined) {
    const near = nearest(unknown.replace(/^-+/, ''), flags)[0]
    return {
      message: `there is no flag ${unknown}`,
      ...(near !== undefined && { why: `There is one called --${near}.` }),
      ...(near === undefined && { instead: insteadOf(unknown) }),
    }
  }
  const missing = /^Missing \d+ required args?:\n(.+)/s.exec(text)?.[1]
  if (missing !== undefined) return missingArguments(missing)
  const parsing = /^Parsing (--\S+)\s+(.+)$/s.exec(text)
  if (parsing) return { message: `${parsing[1]} ${numberText(parsing[2] ?? '')}` }
  const several = /^The following errors? occurred:\n(.+)$/s.exec(text)?.[1]
  if (several !== undefined) return { message: oncePerPair(several.split('\n').map(togetherText)).join('; ') }
  return { message: /^Expected an? (integer|valid)/.test(text) ? `an argument ${numberText(text)}` : text }
}

/** The lines `name  what it is`, as far as the note on flags that follows them. */
function missingArguments(lines: string): { message: string; why: string } {
  const rows = lines
    .split('\n')
    .map(line => /^(\S+) {2,}(.+)$/.exec(line.trim()))
    .flatMap(row => (row ? [{ name: (row[1] ?? '').toUpperCase(), what: row[2] ?? '' }] : []))
  const names = rows.map(row => row.name).join(' and ')
  const why = rows.map(row => (rows.length === 1 ? row.what : `${row.name}: ${row.what}`)).join('\n')
  return { message: `${names} ${rows.length === 1 ? 'is' : 'are'} missing`, why }
}

function numberText(said: string): string {
  const [, least] = /greater than or equal to (-?\d+)/.exec(said) ?? []
  const [, most] = /less than or equal to (-?\d+)/.exec(said) ?? []
  const [, given] = /but received: (.*)$/s.exec(said) ?? []
  const bound =
    least !== undefined ? ` of at least ${least}` : most !== undefined ? ` of at most ${most}` : ''
  return given === undefined ? said.trim() : `takes a whole number${bound}, not ${given.trim()}`
}

/** Of two flags that do not go together the parser tells both ways round. */
function oncePerPair(told: readonly string[]): string[] {
  const keyOf = (text: string) => text.split(' does not go with ').sort().join()
  return told.filter((text, index) => told.findIndex(other => keyOf(other) === keyOf(text)) === index)
}

function togetherText(line: string): string {
  const text = line.trim()
  const needs = /^All of the following must be provided when using (\S+): (.+)$/.exec(text)
  if (needs) return `${needs[1]} goes with ${needs[2]}`
  const apart = /^(--[^=\s]+)\S* cannot also be provided when using (\S+)$/.exec(text)
  return apart ? `${apart[1]} does not go with ${apart[2]}` : text
}
