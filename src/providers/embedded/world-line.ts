/**
 * One line of the embedded world's file: a change, and how many bytes of the file were durable when it was written. A line that
 * cannot be read is damage if a later one knows that it was durable; else it is what a crash tore, and nobody was told of it.
 */
import { InfraError } from '../../model/error.js'
import type { WorldObject } from './world.js'

/** An object that is stored, and the key of one that is taken out. */
export interface WorldChange {
  readonly put?: WorldObject
  readonly remove?: string
}

const newline = 10

export function encodeChange(change: WorldChange, synced: number): string {
  return `${JSON.stringify({ ...change, synced })}\n`
}

/** The changes up to a torn end, and how many bytes hold them. */
export function decodeWorld(
  bytes: Uint8Array,
  path: string,
): { readonly changes: readonly WorldChange[]; readonly length: number } {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const changes: WorldChange[] = []
  let brokenAt: number | undefined
  let brokenLine = 0
  let at = 0
  for (let number = 1; at < file.length; number += 1) {
    const stop = file.indexOf(newline, at)
    const line = stop < 0 ? undefined : decodeChange(file.toString('utf8', at, stop))
    if (line && brokenAt === undefined) changes.push(line)
    if (line && brokenAt !== undefined && (line.synced ?? Number.POSITIVE_INFINITY) > brokenAt)
      throw broken(path, brokenLine)
    if (!line && brokenAt === undefined) {
      brokenAt = at
      brokenLine = number
    }
    at = stop < 0 ? file.length : stop + 1
  }
  return { changes, length: brokenAt ?? file.length }
}

/** Undefined for a line that is not what was written: torn at the end of the file, or damaged. */
function decodeChange(text: string): (WorldChange & { readonly synced?: number }) | undefined {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line !== 'object' || line === null) return undefined
    const { put, remove, synced } = line as Record<string, unknown>
    if (put === undefined && remove === undefined) return undefined
    if (put !== undefined && !isWorldObject(put)) return undefined
    if (remove !== undefined && typeof remove !== 'string') return undefined
    if (synced !== undefined && typeof synced !== 'number') return undefined
    return line
  } catch {
    return undefined
  }
}

function isWorldObject(value: unknown): value is WorldObject {
  const object = value as Partial<WorldObject> | null | undefined
  return (
    typeof object === 'object' &&
    typeof object?.kind === 'string' &&
    typeof object.name === 'string' &&
    isRecord(object.identity) &&
    isRecord(object.spec) &&
    isRecord(object.labels) &&
    (object.owner === undefined || isRecord(object.owner)) &&
    (object.pending === undefined || Array.isArray(object.pending)) &&
    (object.running === undefined || isRecord(object.running)) &&
    (object.trash === undefined || typeof object.trash === 'string')
  )
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function broken(path: string, number: number): InfraError {
  return new InfraError({
    kind: 'storage',
    code: 'broken-world',
    message: `the embedded world's file is broken at line ${number}: ${path}`,
    hint: 'Remove the line, or the file to begin with an empty world.',
  })
}
