/**
 * What an image is, by its own bytes and never by what it is called. A qcow2 that names another file is refused: whoever
 * wrote it would read that file of the host through the guest.
 */
import { open, stat } from 'node:fs/promises'
import { InfraError } from '../../../model/error.js'

export interface ProbedImage {
  readonly format: 'qcow2' | 'raw'
  /** Size of the disk that a guest sees, whole sectors. */
  readonly virtualSizeBytes: number
}

/** Bytes of a file's beginning that `probeBytes` needs. */
export const probeLength = 1024

const qcow2Magic = 0x514649fb
const largest = 2 ** 50

/** Formats that people bring and that must be converted first. */
const foreign: readonly { readonly name: string; readonly at: number; readonly magic: Buffer }[] = [
  { name: 'VMDK', at: 0, magic: Buffer.from('KDMV') },
  { name: 'VMDK', at: 0, magic: Buffer.from('# Disk DescriptorFile') },
  { name: 'VDI', at: 64, magic: Buffer.from([0x7f, 0x10, 0xda, 0xbe]) },
  { name: 'VHDX', at: 0, magic: Buffer.from('vhdxfile') },
  { name: 'VHD', at: 0, magic: Buffer.from('conectix') },
  { name: 'gzip', at: 0, magic: Buffer.from([0x1f, 0x8b]) },
  { name: 'xz', at: 0, magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]) },
  { name: 'zstd', at: 0, magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
]

/** What a file is, by its first kibibyte and its length. `name` is how errors call it. */
export function probeBytes(head: Uint8Array, length: number, name: string): ProbedImage {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === qcow2Magic) return probeQcow2(bytes, name)
  const other = foreign.find(({ at, magic }) => bytes.subarray(at, at + magic.length).equals(magic))
  if (other !== undefined) {
    throw refused(
      'foreign-format',
      `${name} is ${other.name}, which is not taken`,
      `Convert it: \`qemu-img convert -O qcow2 ${name} NEW.qcow2\` (compressed files must be unpacked first).`,
    )
  }
  if (bytes.length >= 512 && bytes[510] === 0x55 && bytes[511] === 0xaa) {
    return { format: 'raw', virtualSizeBytes: Math.ceil(length / 512) * 512 }
  }
  throw refused(
    'no-image',
    `${name} is no disk image`,
    'It begins neither with qcow2’s magic bytes nor with a boot sector (55 aa at 510). Was an error page downloaded instead?',
  )
}

/** The header of qcow2, versions 2 and 3 (docs/interop/qcow2.txt of QEMU). */
function probeQcow2(bytes: Buffer, name: string): ProbedImage {
  if (bytes.length < 72)
    throw refused('broken-image', `${name} ends within its qcow2 header`, 'Fetch it again.')
  const version = bytes.readUInt32BE(4)
  if (version !== 2 && version !== 3)
    throw refused('qcow2-version', `${name} is qcow2 of version ${version}`, 'Versions 2 and 3 are known.')
  if (bytes.readBigUInt64BE(8) !== 0n || bytes.readUInt32BE(16) !== 0) {
    throw refused(
      'backing-file',
      `${name} is based on another file`,
      'Flatten it: `qemu-img convert -O qcow2` writes an image that stands alone.',
    )
  }
  const features = version === 3 && bytes.length >= 80 ? bytes.readBigUInt64BE(72) : 0n
  if ((features & 4n) !== 0n) {
    throw refused(
      'external-data',
      `${name} keeps its data in another file`,
      'Flatten it: `qemu-img convert -O qcow2` writes an image that stands alone.',
    )
  }
  if ((features & 2n) !== 0n)
    throw refused('corrupt-image', `${name} is marked as corrupt`, 'Repair it: `qemu-img check -r all`.')
  if (bytes.readUInt32BE(32) !== 0)
    throw refused('encrypted-image', `${name} is encrypted`, 'Images are shared by machines and cannot be.')
  const clusterBits = bytes.readUInt32BE(20)
  const size = bytes.readBigUInt64BE(24)
  if (clusterBits < 9 || clusterBits > 21 || size === 0n || size > BigInt(largest)) {
    throw refused('broken-image', `${name} has a qcow2 header that makes no sense`, 'Fetch it again.')
  }
  return { format: 'qcow2', virtualSizeBytes: Math.ceil(Number(size) / 512) * 512 }
}

/** What a file is; refused unless it is the format that is expected. */
export async function probeFile(path: string, expected?: 'qcow2' | 'raw'): Promise<ProbedImage> {
  const { size } = await stat(path)
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(probeLength)
    const { bytesRead } = await handle.read(buffer, 0, probeLength, 0)
    const probed = probeBytes(buffer.subarray(0, bytesRead), size, path)
    if (expected !== undefined && probed.format !== expected) {
      throw refused(
        'wrong-format',
        `${path} is ${probed.format}, not ${expected}`,
        `Say \`format: ${probed.format}\`, and name it so.`,
      )
    }
    return probed
  } finally {
    await handle.close()
  }
}

function refused(code: string, message: string, hint: string): InfraError {
  return new InfraError({ kind: 'storage', code, message, hint })
}
