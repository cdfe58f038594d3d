/** Packets of libvirt's RPC: four bytes of length (its own included), a header of six words, the payload. */
import { malformed, XdrReader } from './xdr.js'

/** Program numbers. */
export const programs = { remote: 0x2000_8086, qemu: 0x2000_8087, keepalive: 0x6b65_6570 } as const

export const packetTypes = { call: 0, reply: 1, event: 2, stream: 3, hole: 6 } as const
export const statuses = { ok: 0, error: 1, continue: 2 } as const

/** The longest packet that libvirt sends or takes, its length not counted. */
const maxPacket = 16_777_216
const headerSize = 28

export interface Header {
  readonly program: number
  readonly procedure: number
  readonly type: number
  readonly serial: number
  readonly status: number
}

export interface Packet extends Header {
  readonly payload: Buffer
}

/** The bytes of a packet. */
export function encodePacket(header: Header, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerSize + payload.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(header.program, 4)
  bytes.writeUInt32BE(1, 8)
  bytes.writeInt32BE(header.procedure, 12)
  bytes.writeUInt32BE(header.type, 16)
  bytes.writeUInt32BE(header.serial, 20)
  bytes.writeUInt32BE(header.status, 24)
  bytes.set(payload, headerSize)
  return bytes
}

function decodePacket(bytes: Buffer): Packet {
  const reader = new XdrReader(bytes)
  reader.uint()
  const program = reader.uint()
  const version = reader.uint()
  if (version !== 1) throw malformed(`version ${version} of program 0x${program.toString(16)}`)
  return {
    program,
    procedure: reader.int(),
    type: reader.uint(),
    serial: reader.uint(),
    status: reader.uint(),
    payload: bytes.subarray(headerSize),
  }
}

/**
 * Cuts a stream of bytes into packets. Bytes are joined once a packet is whole, never chunk by chunk, so that a long packet
 * in many small chunks costs no more than its length.
 */
export function packetReader(): { push(chunk: Buffer): Packet[] } {
  let chunks: Buffer[] = []
  let held = 0
  let needed = 4
  return {
    push(chunk) {
      chunks.push(chunk)
      held += chunk.length
      if (held < needed) return []
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, held)
      const packets: Packet[] = []
      let at = 0
      for (;;) {
        needed = 4
        if (bytes.length - at < 4) break
        const length = bytes.readUInt32BE(at)
        if (length < headerSize || length > maxPacket + 4) throw malformed(`a packet of ${length} bytes`)
        needed = length
        if (bytes.length - at < length) break
        packets.push(decodePacket(bytes.subarray(at, at + length)))
        at += length
      }
      held = bytes.length - at
      chunks = held > 0 ? [bytes.subarray(at)] : []
      return packets
    },
  }
}
