/** `INFRA_LOG`: what a command does, as one JSON object a line, on standard error or in a file; secrets are taken out. */
import { appendFileSync } from 'node:fs'
import { plainCause } from '../model/file-error.js'
import type { Json } from '../model/value.js'
import { wipeText } from '../planner/mask.js'
import { cannotWrite } from './output-file.js'

export type Log = (event: string, details?: Readonly<Record<string, Json>>) => void

export interface LogOptions {
  /** `INFRA_LOG`: absent or empty for no log, `1` or `stderr` for standard error, else a file to append to (made 0600). */
  readonly target: string | undefined
  readonly command: string
  readonly pid: number
  /** The stack's secrets, once they are known. */
  readonly secrets: () => readonly string[]
  readonly now: () => number
}

/** A log that appends JSON lines to the file, secrets masked; without a target it drops what it hears. */
export function openLog({ target, command, pid, secrets, now }: LogOptions): Log {
  if (!target) return () => undefined
  const write =
    target === '1' || target === 'stderr'
      ? (line: string) => void process.stderr.write(line)
      : appendTo(target)
  return (event, details = {}) => {
    const line = JSON.stringify({ at: new Date(now()).toISOString(), pid, command, event, ...details })
    write(`${wipeText(line, secrets())}\n`)
  }
}

/** A file that cannot be written from the start is an error; one that ends later, such as on a full disk, ends no apply. */
function appendTo(path: string): (line: string) => void {
  let state: 'new' | 'open' | 'lost' = 'new'
  return line => {
    if (state === 'lost') return
    try {
      appendFileSync(path, line, { mode: 0o600 })
      state = 'open'
    } catch (cause) {
      if (state === 'new') throw cannotWrite(path, cause)
      state = 'lost'
      process.stderr.write(`warning: the log ends here, ${path} cannot be written: ${plainCause(cause)}\n`)
    }
  }
}
