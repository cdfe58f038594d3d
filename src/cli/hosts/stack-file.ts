/** The stack's own file, changed by what acts on what it declares. It is the user's: its mode and its place stay. */
import { readFile, realpath, stat } from 'node:fs/promises'
import { InfraError } from '../../model/error.js'
import { plainCause } from '../../model/file-error.js'
import type { Ports } from '../../model/ports.js'

let writing: Promise<unknown> = Promise.resolve()

/**
 * Changes the text of a file, as it is at that moment, whole or not at all; a link is followed. Returns whether it differed. Fails
 * with `cannot-write`, and with whatever `edit` fails with.
 */
export function editStackFile(
  files: Ports['files'],
  file: string,
  edit: (text: string) => string,
): Promise<boolean> {
  // one after the other: of two that read and write one file at once, the first would be lost
  const next = writing.then(() => editNow(files, file, edit))
  // whoever waits for it hears of its error; the next one writes all the same
  writing = next.catch(() => undefined)
  return next
}

async function editNow(
  files: Ports['files'],
  file: string,
  edit: (text: string) => string,
): Promise<boolean> {
  const told = (cause: unknown): never => {
    throw new InfraError({
      kind: 'configuration',
      code: 'cannot-write',
      message: `${file} cannot be changed`,
      why: plainCause(cause),
      hint: 'Change it by hand.',
      cause,
    })
  }
  const place = await realpath(file).catch(told)
  const { mode } = await stat(place).catch(told)
  const text = await readFile(place, 'utf8').catch(told)
  const edited = edit(text)
  if (edited === text) return false
  await files.replace(place, Buffer.from(edited), mode & 0o777).catch(told)
  return true
}
