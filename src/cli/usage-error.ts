/** A command line that is wrong, told as every other error of infra is. */
import { CLIError } from '@oclif/core/errors'
import { InfraError } from '../model/error.js'
import { nearest } from '../stack/nearest.js'

/** The error of a command line that could not be understood, or undefined where something else went wrong. */
export function usageError(
  thrown: unknown,
  argv: readonly string[],
  bin: string,
  commands: readonly string[],
): InfraError | undefined {
  if (!(thrown instanceof CLIError)) return undefined
  const command = longestCommand(argv, commands)
  if (command === undefined) return unknownCommand(argv, bin, commands)
  return new InfraError({
    kind: 'configuration',
    code: 'usage',
    message: withoutHelpLine(thrown.message),
    hint: `\`${bin} ${command} --help\` shows how it is called.`,
  })
}

function unknownCommand(argv: readonly string[], bin: string, commands: readonly string[]): InfraError {
  const words = argv.filter(word => !word.startsWith('-'))
  const asked = words.slice(0, 2).join(' ')
  const near = nearest(asked, commands)[0] ?? nearest(words[0] ?? '', commands)[0]
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

function withoutHelpLine(message: string): string {
  return message.replace(/\n?See more help with --help$/, '').trim()
}
