/**
 * Files with a checksum over their own bytes. The file is one JSON object; its first line is the checksum of all that comes
 * after it, so that it is verified without being parsed and `jq` still reads it.
 */
import { createHash } from 'node:crypto'

const newline = 10
const prefix = '{"sha256":"'
const suffix = '",\n'
const headLength = prefix.length + 64 + suffix.length

/** The file of a JSON object, given in pieces without the object's opening brace. */
export function seal(pieces: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const head = Buffer.from(`${prefix}${hash.digest('hex')}${suffix}`)
  return Buffer.concat([head, ...pieces])
}

/** What was sealed, or undefined where the file is not what was written. */
export function unseal(bytes: Uint8Array): Buffer | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (file.length < headLength || file[headLength - 1] !== newline) return undefined
  const body = file.subarray(headLength)
  const head = `${prefix}${createHash('sha256').update(body).digest('hex')}${suffix}`
  return file.toString('latin1', 0, headLength) === head ? body : undefined
}

/** The checksum that a sealed file begins with, in hex. */
export function sealOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(prefix.length, prefix.length + 64)).toString('latin1')
}

/** Any JSON object as a sealed file. */
export function sealObject(value: object): Uint8Array {
  return seal([Buffer.from(`${JSON.stringify(value).slice(1)}\n`)])
}

/** The object of a sealed file, or undefined where it is not what was written. Anybody can put a checksum on anything. */
export function unsealObject(bytes: Uint8Array): unknown {
  const body = unseal(bytes)
  try {
    return body && JSON.parse(`{${body.toString('utf8')}`)
  } catch {
    return undefined
  }
}
