/** The entries by which Rock Ridge (IEEE P1282, in the system use areas of SUSP) gives files their names, owners and rights. */
import { both32, shortTime } from './iso-bytes.js'

const folderMode = 0o040555
const fileMode = 0o100400

/** A file: its name as it is, root's, readable by root alone. */
export function fileEntries(name: string): Buffer {
  return Buffer.concat([attributes(fileMode, 1), times(), named(name)])
}

/** The root folder's own entry: that the protocol is in use, and where the rest of its entries are. */
export function rootEntries(continuation: { readonly sector: number; readonly length: number }): Buffer {
  const used = Buffer.from([0x53, 0x50, 7, 1, 0xbe, 0xef, 0])
  const more = Buffer.alloc(28)
  more.set([0x43, 0x45, 28, 1])
  both32(more, 4, continuation.sector)
  both32(more, 12, 0)
  both32(more, 20, continuation.length)
  return Buffer.concat([used, attributes(folderMode, 2), times(), more])
}

export function parentEntries(): Buffer {
  return Buffer.concat([attributes(folderMode, 2), times()])
}

/** Says which extension is meant; too long for the entry itself. */
export function extensionReference(): Buffer {
  const id = Buffer.from('RRIP_1991A')
  const description = Buffer.from(
    'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS',
  )
  const source = Buffer.from(
    'PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.',
  )
  const head = Buffer.from([0x45, 0x52, 0, 1, id.length, description.length, source.length, 1])
  const entry = Buffer.concat([head, id, description, source])
  entry[2] = entry.length
  return entry
}

/** PX: mode, links, owner and group. */
function attributes(mode: number, links: number): Buffer {
  const entry = Buffer.alloc(36)
  entry.set([0x50, 0x58, 36, 1])
  both32(entry, 4, mode)
  both32(entry, 12, links)
  both32(entry, 20, 0)
  both32(entry, 28, 0)
  return entry
}

/** TF: modification, access and attribute change. */
function times(): Buffer {
  return Buffer.concat([Buffer.from([0x54, 0x46, 26, 1, 0b0000_1110]), shortTime(), shortTime(), shortTime()])
}

/** NM: the name. */
function named(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8')
  return Buffer.concat([Buffer.from([0x4e, 0x4d, 5 + bytes.length, 1, 0]), bytes])
}
