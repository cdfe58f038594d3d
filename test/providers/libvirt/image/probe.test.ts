import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InfraError } from '../../../../src/model/error.js'
import { probeBytes, probeFile } from '../../../../src/providers/libvirt/image/probe.js'

interface Header {
  version?: number
  backingAt?: bigint
  backingLength?: number
  clusterBits?: number
  size?: bigint
  encryption?: number
  features?: bigint
}

function qcow2(header: Header = {}): Buffer {
  const bytes = Buffer.alloc(104)
  bytes.writeUInt32BE(0x514649fb, 0)
  bytes.writeUInt32BE(header.version ?? 3, 4)
  bytes.writeBigUInt64BE(header.backingAt ?? 0n, 8)
  bytes.writeUInt32BE(header.backingLength ?? 0, 16)
  bytes.writeUInt32BE(header.clusterBits ?? 16, 20)
  bytes.writeBigUInt64BE(header.size ?? 10n * 2n ** 30n, 24)
  bytes.writeUInt32BE(header.encryption ?? 0, 32)
  bytes.writeBigUInt64BE(header.features ?? 0n, 72)
  return bytes
}

function raw(): Buffer {
  const bytes = Buffer.alloc(1024)
  bytes[510] = 0x55
  bytes[511] = 0xaa
  return bytes
}

describe('an image', () => {
  it.each([
    [qcow2(), { format: 'qcow2', virtualSizeBytes: 10 * 2 ** 30 }, 'qcow2 version 3'],
    [
      qcow2({ version: 2, size: 1000n }),
      { format: 'qcow2', virtualSizeBytes: 1024 },
      'version 2, rounded up to sectors',
    ],
    [raw(), { format: 'raw', virtualSizeBytes: 5120 }, 'raw, its size is the file’s'],
  ])('is known by its bytes: %#', (bytes, expected, reason) => {
    expect(probeBytes(bytes, 5000, 'a'), reason).toEqual(expected)
  })

  it.each([
    [qcow2({ backingAt: 1024n, backingLength: 11 }), 'backing-file', 'another file below it'],
    [qcow2({ features: 4n }), 'external-data', 'its data in another file'],
    [qcow2({ features: 2n }), 'corrupt-image', 'marked as corrupt'],
    [qcow2({ encryption: 2 }), 'encrypted-image', 'encrypted'],
    [qcow2({ version: 9 }), 'qcow2-version', 'a version of the future'],
    [qcow2({ clusterBits: 40 }), 'broken-image', 'impossible clusters'],
    [qcow2({ size: 0n }), 'broken-image', 'no size'],
    [qcow2({ size: 2n ** 60n }), 'broken-image', 'an absurd size'],
    [qcow2().subarray(0, 40), 'broken-image', 'cut off'],
    [Buffer.from('KDMV'.padEnd(600)), 'foreign-format', 'VMDK'],
    [
      Buffer.concat([Buffer.alloc(64), Buffer.from([0x7f, 0x10, 0xda, 0xbe]), Buffer.alloc(600)]),
      'foreign-format',
      'VDI',
    ],
    [Buffer.from('conectix'.padEnd(600)), 'foreign-format', 'VHD'],
    [Buffer.from('vhdxfile'.padEnd(600)), 'foreign-format', 'VHDX'],
    [Buffer.from([0x1f, 0x8b, 8, 0]), 'foreign-format', 'gzip'],
    [Buffer.from('<!DOCTYPE html><title>404</title>'), 'no-image', 'an error page'],
    [Buffer.alloc(1024), 'no-image', 'zeros'],
    [Buffer.alloc(0), 'no-image', 'nothing'],
  ])('is refused: %#', (bytes, code, reason) => {
    expect(() => probeBytes(bytes, bytes.length, 'a'), reason).toThrowError(
      expect.objectContaining({ code, kind: 'storage' }),
    )
  })

  it('is told or refused, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), fc.boolean(), (bytes, magic) => {
        if (magic && bytes.length >= 4) bytes.set([0x51, 0x46, 0x49, 0xfb])
        try {
          expect(probeBytes(bytes, bytes.length, 'a').virtualSizeBytes % 512).toBe(0)
        } catch (error) {
          expect(error).toBeInstanceOf(InfraError)
        }
      }),
    )
  })

  describe('in a file', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'infra-probe-'))
      await writeFile(join(folder, 'a.qcow2'), qcow2())
      await writeFile(join(folder, 'a.raw'), Buffer.concat([raw(), Buffer.alloc(4000)]))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it('must be what it is said to be', async () => {
      expect(await probeFile(join(folder, 'a.qcow2'), 'qcow2')).toMatchObject({ format: 'qcow2' })
      expect(await probeFile(join(folder, 'a.raw'))).toEqual({ format: 'raw', virtualSizeBytes: 5120 })
      await expect(probeFile(join(folder, 'a.qcow2'), 'raw')).rejects.toMatchObject({ code: 'wrong-format' })
    })
  })
})
