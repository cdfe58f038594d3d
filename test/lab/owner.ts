/**
 * A lab with a number or port of its own serves one process at a time. The same tests of another checkout, run at the same time,
 * would work in it, too, or end it in the middle of a test: they are told.
 */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs'

/** Fails where another process that is alive has the lab of this folder. */
export function requireUnowned(folder: string): void {
  const pid = ownerOf(folder)
  if (pid === undefined || pid === process.pid) return
  const place = placeOf(pid)
  if (place === undefined) return
  throw new Error(
    `the lab in ${folder} is in use by the process ${pid} (in ${place}): these tests run there; wait until they are over`,
  )
}

/** Writes down who has it, into its folder: it goes with the lab. */
export function own(folder: string): void {
  writeFileSync(`${folder}/owner`, String(process.pid))
}

function ownerOf(folder: string): number | undefined {
  try {
    return Number(readFileSync(`${folder}/owner`, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The folder that a process works in; undefined where it is gone. */
function placeOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
