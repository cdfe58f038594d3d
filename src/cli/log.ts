/** `INFRA_LOG`: what a command does, as one JSON object a line, on standard error or in a file; secrets are taken out. */
import { appendFileSync } from 'node:fs'
import type { Json } from '../model/value.js'
import { wipeText } from '../planner/mask.js'

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
      : (line: string) => appendFileSync(target, line, { mode: 0o600 })
  return (event, details = {}) => {
    const line = JSON.stringify({ at: new Date(now()).toISOString(), pid, command, event, ...details })
    write(`${wipeText(line, secrets())}\n`)
  }
}
