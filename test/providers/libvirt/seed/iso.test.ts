import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildIso } from '../../../../src/providers/libvirt/seed/iso.js'

const sector = 2048

/** Names and contents by the tree of a descriptor, read by the standard's own offsets. */
function list(
  iso: Buffer,
  descriptor: number,
  name: (bytes: Buffer, use: Buffer) => string,
): Record<string, string> {
  const at = descriptor * sector
  const root = iso.readUInt32LE(at + 156 + 2) * sector
  const end = root + iso.readUInt32LE(at + 156 + 10)
  const found: Record<string, string> = {}
  for (let here = root; here < end && iso[here] !== 0; here += iso[here] ?? 0) {
    const record = iso.subarray(here, here + (iso[here] ?? 0))
    expect(record.readUInt32LE(2)).toBe(record.readUInt32BE(6))
    expect(record.readUInt32LE(10)).toBe(record.readUInt32BE(14))
    if (((record[25] ?? 0) & 2) !== 0) continue
    const length = record[32] ?? 0
    const use = record.subarray(33 + length + (length % 2 === 0 ? 1 : 0))
    const start = record.readUInt32LE(2) * sector
    found[name(record.subarray(33, 33 + length), use)] = iso
      .subarray(start, start + record.readUInt32LE(10))
      .toString()
  }
  return found
}

const joliet = (bytes: Buffer): string => Buffer.from(bytes).swap16().toString('utf16le')
const plain = (bytes: Buffer): string => bytes.toString('ascii')

/** The name of a Rock Ridge NM entry. */
function rockRidge(_: Buffer, use: Buffer): string {
  for (let at = 0; at + 4 < use.length; at += use[at + 2] ?? 0) {
    if (use.toString('ascii', at, at + 2) === 'NM')
      return use.toString('utf8', at + 5, at + (use[at + 2] ?? 0))
  }
  return '?'
}

describe('a CD image', () => {
  const files = {
    'user-data': '#cloud-config\n',
    'meta-data': 'instance-id: a\n',
    'network-config': 'version: 2\n',
  }
  const input = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }))
  const iso = buildIso('cidata', input)

  it('begins as the standards want it', () => {
    expect(iso.subarray(0, 16 * sector).every(byte => byte === 0)).toBe(true)
    expect([16, 17, 18].map(at => iso[at * sector])).toEqual([1, 2, 255])
    expect([16, 17, 18].map(at => iso.toString('ascii', at * sector + 1, at * sector + 6))).toEqual([
      'CD001',
      'CD001',
      'CD001',
    ])
    expect(iso.toString('ascii', 16 * sector + 40, 16 * sector + 72).trimEnd()).toBe('cidata')
    expect(joliet(iso.subarray(17 * sector + 40, 17 * sector + 72)).trimEnd()).toBe('cidata')
    expect(iso.toString('ascii', 17 * sector + 88, 17 * sector + 91)).toBe('%/E')
    expect(iso.readUInt32LE(16 * sector + 80) * sector).toBe(iso.length)
  })

  it('lists its files by Joliet, by Rock Ridge, and by short names', () => {
    expect(list(iso, 17, joliet)).toEqual(files)
    expect(list(iso, 16, rockRidge)).toEqual(files)
    expect(Object.keys(list(iso, 16, plain))).toEqual(['META_DAT.;1', 'NETWORK_.;1', 'USER_DAT.;1'])
  })

  it('is the same bytes for the same files in any order', () => {
    expect(buildIso('cidata', [...input].reverse()).equals(iso)).toBe(true)
  })

  it('keeps names apart that are short the same', () => {
    const many = ['user-data1', 'user-data2', 'user-data.long-a', 'user-data.long-b'].map(name => ({
      name,
      bytes: Buffer.from(name),
    }))
    const built = buildIso('x', many)
    expect(new Set(Object.keys(list(built, 16, plain))).size).toBe(4)
    expect(Object.keys(list(built, 16, rockRidge)).sort()).toEqual(many.map(file => file.name).sort())
  })

  it('carries any content', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 6 }), contents => {
        const some = contents.map((bytes, index) => ({ name: `f${index}`, bytes }))
        const found = list(buildIso('x', some), 17, joliet)
        expect(found).toEqual(
          Object.fromEntries(some.map(file => [file.name, Buffer.from(file.bytes).toString()])),
        )
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['a/b', 'a folder in a name'],
    ['', 'no name'],
    ['x'.repeat(65), 'a name too long for Joliet'],
  ])('refuses a file called %s', (name, reason) => {
    expect(() => buildIso('x', [{ name, bytes: Buffer.alloc(0) }]), reason).toThrow(RangeError)
  })

  it('refuses more files than its folder can list', () => {
    expect(() =>
      buildIso(
        'x',
        Array.from({ length: 40 }, (_, index) => ({ name: `file-${index}`, bytes: Buffer.alloc(1) })),
      ),
    ).toThrow(RangeError)
  })
})
