/** Answers of systems below that have another form than infra knows: said to be that, and never taken for a defect of infra. */
import { InfraError } from '../model/error.js'

/** Reads an answer. What the reading of it stumbles over is an error of this system, whose own words come with `cause`. */
export async function sensible<T>(system: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const stumbled = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
    if (!stumbled) throw error
    throw new InfraError({
      kind: 'operation',
      code: 'answer-unfit',
      message: `${system} answered something that makes no sense`,
      why: 'the answer has not the form that this version of infra knows',
      hint: 'Nothing was concluded from it. `infra doctor` tells which versions are known to work.',
      cause: error,
    })
  }
}
