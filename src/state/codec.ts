/**
 * The state document as bytes and back. One line a record, so that neither way needs the whole text as one string: 100,000
 * records are 80 MB, and a string and its pieces would be held several times over.
 */
import type { OutputRecord, ResourceRecord, StateDocument } from './document.js'
import { seal, sealOf, unseal } from './sealed.js'

const newline = 10
const end = '}}\n'
/** Characters gathered before they become bytes: large enough to be fast, small enough not to count. */
const pieceLength = 1 << 18

/** What a state file says of itself before its records. */
export interface StateHead {
  readonly format: number
  readonly lineage: string
  readonly serial: number
  readonly stack: string
  readonly outputs: Readonly<Record<string, OutputRecord>>
}

/** The state’s file: the document and a checksum of its bytes. */
export function encodeState(document: StateDocument): Uint8Array {
  const { format, lineage, serial, stack, outputs, resources } = document
  const head = JSON.stringify({ format, lineage, serial, stack, outputs }).slice(1, -1)
  const pieces: Uint8Array[] = []
  let text = `${head},"resources":{\n`
  let first = true
  for (const address of Object.keys(resources).sort()) {
    text += `${first ? '' : ',\n'}${JSON.stringify(address)}:${JSON.stringify(resources[address])}`
    first = false
    if (text.length < pieceLength) continue
    pieces.push(Buffer.from(text))
    text = ''
  }
  pieces.push(Buffer.from(`${text}${first ? '' : '\n'}${end}`))
  return seal(pieces)
}

/** The head alone, of a file that is what was written; undefined otherwise. */
export function decodeHead(bytes: Uint8Array): StateHead | undefined {
  const body = unseal(bytes)
  try {
    return body && headOf(body)?.head
  } catch {
    return undefined
  }
}

const digests = new WeakMap<StateDocument, string>()

/** The document, of a file that is what was written; undefined otherwise. Its shape is not checked here. */
export function decodeState(bytes: Uint8Array): StateDocument | undefined {
  const body = unseal(bytes)
  try {
    const document = body && documentOf(body)
    if (document) digests.set(document, sealOf(bytes))
    return document
  } catch {
    return undefined
  }
}

/** sha256, in hex, of the file that this very document was read from; undefined for one that was made since. */
export function stateDigest(document: StateDocument): string | undefined {
  return digests.get(document)
}

function documentOf(body: Buffer): StateDocument | undefined {
  const found = headOf(body)
  if (!found) return undefined
  const resources: Record<string, ResourceRecord> = {}
  let at = found.length
  for (;;) {
    const stop = body.indexOf(newline, at)
    if (stop < 0) return undefined
    const line = body.toString('utf8', at, stop)
    if (line === end.trimEnd()) return { ...found.head, resources }
    const [address, record] = entryOf(line)
    // As a key it would be something else than a resource.
    if (address === '__proto__') return undefined
    resources[address] = record
    at = stop + 1
  }
}

/** The format that a file claims, whether or not it is whole: a newer version may seal its files differently. */
export function claimedFormat(bytes: Uint8Array): number | undefined {
  const match = /"format"\s*:\s*(\d{1,9})\b/.exec(Buffer.from(bytes.subarray(0, 1024)).toString('latin1'))
  return match?.[1] === undefined ? undefined : Number(match[1])
}

/** The serial that a file claims, whether or not it is whole. */
export function claimedSerial(bytes: Uint8Array): number | undefined {
  const match = /"serial"\s*:\s*(\d{1,15})\b/.exec(Buffer.from(bytes.subarray(0, 1024)).toString('latin1'))
  return match?.[1] === undefined ? undefined : Number(match[1])
}

function headOf(body: Buffer): { readonly head: StateHead; readonly length: number } | undefined {
  const stop = body.indexOf(newline)
  const opening = ',"resources":{'
  const line = body.toString('utf8', 0, stop)
  if (stop < 0 || !line.endsWith(opening)) return undefined
  return { head: JSON.parse(`{${line.slice(0, -opening.length)}}`), length: stop + 1 }
}

/** The address and the record of a line `"address":{…},`. */
function entryOf(line: string): [string, ResourceRecord] {
  const last = line.endsWith(',') ? line.length - 1 : line.length
  const stop = line.indexOf('":')
  const address = line.slice(1, stop)
  if (!address.includes('\\')) return [address, JSON.parse(line.slice(stop + 2, last))]
  const [entry] = Object.entries(JSON.parse(`{${line.slice(0, last)}}`) as Record<string, ResourceRecord>)
  if (!entry) throw new SyntaxError('a line of the state holds no record')
  return entry
}
