/**
 * A CD image of a few files in one folder: ISO 9660 with Joliet and Rock Ridge, as cloud-init's NoCloud source wants it. The
 * same files are the same bytes, always.
 */
import {
  both16,
  both32,
  longTime,
  padded,
  paddedUcs2,
  sectorSize,
  sectorsOf,
  shortTime,
  toSectors,
  ucs2,
} from './iso-bytes.js'
import { extensionReference, fileEntries, parentEntries, rootEntries } from './rock-ridge.js'

export interface IsoFile {
  readonly name: string
  readonly bytes: Uint8Array
}

interface Extent {
  readonly sector: number
  readonly length: number
}

/** Where everything is, in sectors: the system area, three descriptors (primary, Joliet’s, the last), tables, folders. */
const systemArea = 16
const primaryTables = 19
const jolietTables = 21
const continuation = 23
const folders = 24

/**
 * The image. Names are 1 to 64 characters that both Joliet and Rock Ridge can write; the file list fits into one sector
 * (about a dozen files). The volume's name has at most 16 characters.
 */
export function buildIso(volume: string, files: readonly IsoFile[]): Buffer {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  check(volume, sorted)
  const primaryFolder: Extent = { sector: folders, length: sectorSize }
  const jolietFolder: Extent = { sector: folders + 1, length: sectorSize }
  let next = folders + 2
  const placed = sorted.map(file => {
    const extent = { sector: next, length: file.bytes.length }
    next += sectorsOf(file.bytes.length)
    return { ...file, extent }
  })
  const reference = extensionReference()
  const short = shortNames(sorted.map(file => file.name))
  const primaryRecords = placed
    .map((file, index) => ({ key: short[index] ?? '', file }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, file }) => record(Buffer.from(key, 'ascii'), file.extent, 0, fileEntries(file.name)))
  const own = rootEntries({ sector: continuation, length: reference.length })
  return Buffer.concat([
    Buffer.alloc(systemArea * sectorSize),
    descriptor(1, volume, next, primaryFolder, primaryTables),
    descriptor(2, volume, next, jolietFolder, jolietTables),
    terminator(),
    ...pathTables(primaryFolder),
    ...pathTables(jolietFolder),
    toSectors(reference),
    folder(primaryFolder, own, parentEntries(), primaryRecords),
    folder(
      jolietFolder,
      Buffer.alloc(0),
      Buffer.alloc(0),
      placed.map(file => record(ucs2(file.name), file.extent, 0)),
    ),
    ...placed.map(file => toSectors(file.bytes)),
  ])
}

function check(volume: string, files: readonly IsoFile[]): void {
  if (!/^[A-Za-z0-9_-]{1,16}$/.test(volume)) throw new RangeError(`not a name for a volume: ${volume}`)
  const names = new Set(files.map(file => file.name))
  if (names.size !== files.length) throw new RangeError('two files of one name')
  for (const name of names) {
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) throw new RangeError(`not a name for a file: ${name}`)
  }
}

/** Names of eight and three characters, each once, for readers that know neither extension. */
function shortNames(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map(name => {
    const clean = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9_]/g, '_')
    const dot = name.lastIndexOf('.')
    const stem = clean(dot > 0 ? name.slice(0, dot) : name)
    const ending = dot > 0 ? clean(name.slice(dot + 1)).slice(0, 3) : ''
    for (let number = 0; ; number++) {
      const suffix = number === 0 ? '' : String(number)
      const short = `${stem.slice(0, 8 - suffix.length)}${suffix}.${ending};1`
      if (taken.has(short)) continue
      taken.add(short)
      return short
    }
  })
}

/** A directory record (ECMA-119 9.1). */
function record(name: Buffer, extent: Extent, flags: number, systemUse: Buffer = Buffer.alloc(0)): Buffer {
  const nameEnd = 33 + name.length + (name.length % 2 === 0 ? 1 : 0)
  const length = nameEnd + systemUse.length + (systemUse.length % 2)
  const bytes = Buffer.alloc(length)
  if (length > 255) throw new RangeError('a directory record of more than 255 bytes')
  bytes[0] = length
  both32(bytes, 2, extent.sector)
  both32(bytes, 10, extent.length)
  bytes.set(shortTime(), 18)
  bytes[25] = flags
  both16(bytes, 28, 1)
  bytes[32] = name.length
  bytes.set(name, 33)
  bytes.set(systemUse, nameEnd)
  return bytes
}

const isFolder = 2

function folder(extent: Extent, own: Buffer, parent: Buffer, records: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat([
    record(Buffer.from([0]), extent, isFolder, own),
    record(Buffer.from([1]), extent, isFolder, parent),
    ...records,
  ])
  if (bytes.length > sectorSize) throw new RangeError('more files than one sector can list')
  return toSectors(bytes)
}

/** Tables of the one folder there is, with the little end first and with the big end first (9.4). */
function pathTables(root: Extent): Buffer[] {
  const little = Buffer.alloc(10)
  little[0] = 1
  little.writeUInt32LE(root.sector, 2)
  little.writeUInt16LE(1, 6)
  const big = Buffer.alloc(10)
  big[0] = 1
  big.writeUInt32BE(root.sector, 2)
  big.writeUInt16BE(1, 6)
  return [toSectors(little), toSectors(big)]
}

/** A volume descriptor: primary (8.4), or supplementary (8.5) with the mark of Joliet. */
function descriptor(type: 1 | 2, volume: string, sectors: number, root: Extent, tables: number): Buffer {
  const bytes = Buffer.alloc(sectorSize)
  const write = (at: number, length: number, text: string): void => {
    bytes.set(type === 1 ? padded(text, length) : paddedUcs2(text, length), at)
  }
  bytes[0] = type
  bytes.write('CD001', 1, 'ascii')
  bytes[6] = 1
  write(8, 32, '')
  write(40, 32, volume)
  both32(bytes, 80, sectors)
  // UCS-2 level 3.
  if (type === 2) bytes.write('%/E', 88, 'ascii')
  both16(bytes, 120, 1)
  both16(bytes, 124, 1)
  both16(bytes, 128, sectorSize)
  both32(bytes, 132, 10)
  bytes.writeUInt32LE(tables, 140)
  bytes.writeUInt32BE(tables + 1, 148)
  bytes.set(record(Buffer.from([0]), root, isFolder), 156)
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 36],
    [740, 36],
    [776, 36],
  ] as const) {
    write(at, length, '')
  }
  bytes.set(longTime(true), 813)
  bytes.set(longTime(true), 830)
  bytes.set(longTime(false), 847)
  bytes.set(longTime(true), 864)
  bytes[881] = 1
  return bytes
}

function terminator(): Buffer {
  const bytes = Buffer.alloc(sectorSize)
  bytes[0] = 255
  bytes.write('CD001', 1, 'ascii')
  bytes[6] = 1
  return bytes
}
