/**
 * One line of the journal: `<crc32> <synced> <record>`. The checksum, eight hex digits, covers all after its space. `synced`
 * is how many bytes of the file were known to be durable when the line was written. It tells a write that a loss of power
 * tore, which nobody was told of, from damage to what was durable: a broken line is damage exactly if a line that is whole
 * says that the file was durable beyond where the broken one begins.
 */
import { InfraError } from '../model/error.js'
import { crc32 } from './crc32.js'

const newline = 10
const space = 32

/** One line of the journal: the record, and a checksum over it. `synced` is the length in bytes that was known to be on disk. */
export function encodeLine(json: string, synced: number): Buffer {
  const body = Buffer.from(`${synced} ${json}`)
  const sum = crc32(body).toString(16).padStart(8, '0')
  return Buffer.concat([Buffer.from(`${sum} `), body, Buffer.of(newline)])
}

export interface DecodedJournal {
  /** As they were written, by whatever version of infra. */
  readonly records: readonly unknown[]
  /** Bytes that hold them; what comes after is a torn end. */
  readonly length: number
}

/** The records of a journal up to a torn end. Throws where what was durable is broken. */
export function decodeJournal(bytes: Uint8Array, path: string): DecodedJournal {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: unknown[] = []
  let at = 0
  let brokenAt: number | undefined
  let brokenLine = 0
  for (let number = 1; at < file.length; number += 1) {
    const stop = file.indexOf(newline, at)
    const line = stop < 0 ? undefined : decodeLine(file.subarray(at, stop))
    if (line && brokenAt === undefined) records.push(line.record)
    if (line && brokenAt !== undefined && line.synced > brokenAt) throw damaged(path, brokenLine)
    if (!line && brokenAt === undefined) {
      brokenAt = at
      brokenLine = number
    }
    at = stop < 0 ? file.length : stop + 1
  }
  return { records, length: brokenAt ?? file.length }
}

/** Undefined for a line that is not what was written. */
function decodeLine(line: Buffer): { readonly synced: number; readonly record: unknown } | undefined {
  if (line.length < 12 || line[8] !== space) return undefined
  const body = line.subarray(9)
  if (line.toString('latin1', 0, 8) !== crc32(body).toString(16).padStart(8, '0')) return undefined
  const stop = body.indexOf(space)
  const synced = Number(body.toString('latin1', 0, stop))
  try {
    const record: unknown = JSON.parse(body.toString('utf8', stop + 1))
    return Number.isSafeInteger(synced) ? { synced, record } : undefined
  } catch {
    return undefined
  }
}

function damaged(path: string, line: number): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'journal-broken',
    message: `line ${line} of the journal ${path} is broken`,
    why: 'its checksum is not that of its bytes, and later lines were written when it was whole on the disk',
    hint: 'Put the file back from a backup, or move it away and run `infra plan`: what is really there is read anew.',
  })
}
