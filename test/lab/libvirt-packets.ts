/** Packets of libvirt's protocol as tests put them in the place of libvirtd's own. */
import { encodePacket, type Packet, packetTypes, statuses } from '../../src/providers/libvirt/rpc/packet.js'
import { XdrWriter } from '../../src/providers/libvirt/rpc/xdr.js'

/** A packet as it goes over the wire. */
export function bytesOf(packet: Packet): Buffer {
  return encodePacket(packet, packet.payload)
}

/** The answer to a call. */
export function answerTo(
  call: Packet,
  status: keyof typeof statuses,
  write: (writer: XdrWriter) => void,
): Packet {
  const writer = new XdrWriter()
  write(writer)
  return { ...call, type: packetTypes.reply, status: statuses[status], payload: Buffer.from(writer.finish()) }
}
