/** Reading tar archives, as charts and vCluster's snapshots are. */

export interface TarEntry {
  readonly name: string
  readonly content: Buffer
}

/** The members of a tar. Throws where a header's sum is wrong or the end is missing. */
export function entriesOfTar(tar: Buffer): TarEntry[] {
  const entries: TarEntry[] = []
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512)
    if (header.every(byte => byte === 0)) return entries
    const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0)
    if (Number.parseInt(header.toString('latin1', 148, 156), 8) !== sum)
      throw new Error(`broken at byte ${at}`)
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8)
    const ustar = header.toString('latin1', 257, 262) === 'ustar'
    const prefix = ustar ? textOf(header, 345, 500) : ''
    const name = `${prefix === '' ? '' : `${prefix}/`}${textOf(header, 0, 100)}`
    entries.push({ name, content: tar.subarray(at + 512, at + 512 + size) })
    at += 512 + Math.ceil(size / 512) * 512
  }
  throw new Error('it is cut off')
}

function textOf(header: Buffer, from: number, to: number): string {
  const text = header.toString('utf8', from, to)
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}
