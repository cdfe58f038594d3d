/** What a failed act could not take back is told with the error that led there. */
import { InfraError, messageOf } from '../../../model/error.js'

/** Takes back what was made in vain, and throws the error; where that fails, too, it says so, and what is `left`. */
export async function cleanUpAndThrow(
  error: unknown,
  left: string,
  work: () => Promise<unknown>,
): Promise<never> {
  try {
    await work()
  } catch (second) {
    if (error instanceof InfraError) throw withLeft(error, `${left}: ${messageOf(second)}`)
  }
  throw error
}

function withLeft(error: InfraError, left: string): InfraError {
  const details = error.details()
  const why = details.why === undefined ? left : `${details.why}\n${left}`
  return new InfraError({ ...details, why, cause: error })
}
