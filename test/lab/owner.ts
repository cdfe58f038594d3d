/**
 * A lab with a number or port of its own serves one process at a time. The same tests of another checkout, run at the same time,
 * would work in it, too, or end it in the middle of a test: they are told.
 */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs'

/** The process that has the lab of this folder and is alive; undefined where none is. */
export function ownerNow(folder: string): number | undefined {
  const owner = ownerOf(folder)
  return owner !== undefined && owner.began === beganAt(owner.pid) ? owner.pid : undefined
}

/**
 * Fails where another process that is alive has the lab of this folder. False where it must be made anew: what is there was left
 * behind, or nothing is.
 */
export function isOwn(folder: string): boolean {
  const owner = ownerNow(folder)
  if (owner === undefined) return false
  if (owner === process.pid) return true
  throw new Error(
    `the lab in ${folder} is in use by the process ${owner} (in ${readlinkSync(`/proc/${owner}/cwd`)}): these tests run there; wait until they are over`,
  )
}

/** Writes down who has it, into its folder: it goes with the lab. */
export function own(folder: string): void {
  writeFileSync(`${folder}/owner`, `${process.pid} ${beganAt(process.pid)}`)
}

function ownerOf(folder: string): { readonly pid: number; readonly began: string } | undefined {
  const text = contentOf(`${folder}/owner`)
  if (text === undefined) return undefined
  const [pid, began = ''] = text.split(' ')
  return { pid: Number(pid), began }
}

/** When a process began, in ticks since the machine did: its number alone may be another's by now. Undefined where it is gone. */
function beganAt(pid: number): string | undefined {
  const status = contentOf(`/proc/${pid}/stat`)
  // the fields after the name, which may have spaces and brackets in it; when it began is the 22nd of all
  return status?.slice(status.lastIndexOf(')') + 2).split(' ')[19]
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
