/** Commands that need no stack, called in a folder that holds none. */
import { InfraError, InfraErrors } from '../model/error.js'

/** The error of a folder without a stack where none was named, with another hint; anything else as it was thrown. */
export function orNoStack(thrown: unknown, path: string, hint: string): unknown {
  const error = thrown instanceof InfraErrors && thrown.errors.length === 1 ? thrown.errors[0] : thrown
  if (path !== '.' || !(error instanceof InfraError) || error.code !== 'empty-stack') return thrown
  return new InfraError({ ...error.details(), hint })
}
