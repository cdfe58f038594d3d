/** How ISO 9660 (ECMA-119) writes numbers, texts and times. */

export const sectorSize = 2048

/** The time on everything in an image: the same content is the same bytes. 1 January 2000, 00:00 UTC. */
const moment = { year: 2000, month: 1, day: 1 }

/** A 32-bit number, little end first and then again big end first (ECMA-119 7.3.3). */
export function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at)
  bytes.writeUInt32BE(value, at + 4)
}

/** A 16-bit number, little end first and then again big end first (7.2.3). */
export function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at)
  bytes.writeUInt16BE(value, at + 2)
}

/** The seven bytes of a time in directories and Rock Ridge (9.1.5). */
export function shortTime(): Buffer {
  return Buffer.from([moment.year - 1900, moment.month, moment.day, 0, 0, 0, 0])
}

/** The seventeen bytes of a time in volume descriptors (8.4.26.1); without one, all is zero. */
export function longTime(isSet: boolean): Buffer {
  const digits = isSet ? `${moment.year}${pad(moment.month)}${pad(moment.day)}00000000` : '0000000000000000'
  return Buffer.concat([Buffer.from(digits, 'ascii'), Buffer.from([0])])
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}

/** A text of fixed length, filled with spaces. */
export function padded(text: string, length: number): Buffer {
  return Buffer.from(text.padEnd(length, ' ').slice(0, length), 'latin1')
}

/** The same in UCS-2 with the big end first, as Joliet has it. */
export function paddedUcs2(text: string, length: number): Buffer {
  return ucs2(text.padEnd(length / 2, ' ').slice(0, length / 2))
}

export function ucs2(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

export function sectorsOf(length: number): number {
  return Math.ceil(length / sectorSize)
}

/** The bytes, filled up to whole sectors. */
export function toSectors(bytes: Uint8Array): Buffer {
  const whole = Buffer.alloc(sectorsOf(bytes.length) * sectorSize)
  whole.set(bytes)
  return whole
}
