/** The note beside the lock: who holds it, for people. Nothing is decided by it. */
import { InfraError } from '../model/error.js'
import type { FileSystem } from '../model/ports.js'
import type { StatePaths } from './paths.js'

export interface Holder {
  readonly host: string
  readonly pid: number
  /** Wall clock, milliseconds since 1970. */
  readonly since: number
  /** `infra apply examples/homelab` */
  readonly command: string
}

/** The note that a holder leaves in the lock’s file. */
export function encodeNote(holder: Holder): Uint8Array {
  return Buffer.from(`${JSON.stringify(holder)}\n`)
}

/** The note, or undefined where there is none that can be read: then nobody's name is known, and nothing else follows. */
export async function readNote(files: FileSystem, paths: StatePaths): Promise<Holder | undefined> {
  try {
    const bytes = await files.read(paths.holder)
    const note: unknown = bytes && JSON.parse(Buffer.from(bytes).toString('utf8'))
    return isHolder(note) ? note : undefined
  } catch {
    return undefined
  }
}

/** The error of whoever comes second. */
export function lockHeld(holder: Holder | undefined): InfraError {
  const who = holder
    ? `${holder.command} holds it, process ${holder.pid} on ${holder.host}, since ${new Date(holder.since).toISOString()}`
    : 'its holder has not said who it is'
  return new InfraError({
    kind: 'storage',
    code: 'lock-held',
    message: 'the state is locked by another infra that is running',
    why: who,
    hint: 'Wait for it, with `--lock-timeout 600` for instance. The lock ends with that process; there is nothing to break.',
  })
}

function isHolder(value: unknown): value is Holder {
  const note = value as Partial<Holder> | null | undefined
  return (
    typeof note === 'object' &&
    typeof note?.host === 'string' &&
    Number.isSafeInteger(note.pid) &&
    Math.abs(note.since ?? Number.NaN) < 8.64e15 &&
    typeof note.command === 'string'
  )
}
