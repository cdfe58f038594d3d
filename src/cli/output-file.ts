/** Files that a command writes because a flag names them: plans, reports, stacks. */
import { InfraError } from '../model/error.js'
import { plainCause } from '../model/file-error.js'
import type { FileSystem } from '../model/ports.js'
import { isDiskFull } from '../state/storage-error.js'

/** Writes a file whole or not at all. Fails with `cannot-write`; what was there before is still there then. */
export async function writeOutput(
  files: FileSystem,
  path: string,
  text: string,
  mode: number,
): Promise<void> {
  try {
    await files.replace(path, Buffer.from(text), mode)
  } catch (cause) {
    throw cannotWrite(path, cause)
  }
}

/** The error of something that could not be written. */
export function cannotWrite(path: string, cause: unknown): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'cannot-write',
    message: `${path} cannot be written`,
    why: folderMissing(cause) ? 'The folder that it should be in is not there.' : plainCause(cause),
    hint: isDiskFull(cause)
      ? 'Make room on the disk, or name a place on another.'
      : 'Name a place that is there and that you may write to.',
    cause,
  })
}

/** A file that is written need not be there: what is missing is its folder. */
function folderMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
}
