/** `--var NAME=VALUE`. */
import { InfraError } from '../model/error.js'

/** Names and texts of `--var` flags; a later one wins. */
export function parseVariables(flags: readonly string[]): Record<string, string> {
  const variables: Record<string, string> = Object.create(null)
  for (const flag of flags) {
    const at = flag.indexOf('=')
    if (at < 1) {
      throw new InfraError({
        kind: 'configuration',
        code: 'bad-variable',
        message: `--var takes NAME=VALUE, not ${at === 0 ? 'a value without a name' : 'a name alone'}`,
        hint: 'For example: --var memory=4',
      })
    }
    variables[flag.slice(0, at)] = flag.slice(at + 1)
  }
  return variables
}
