/** Sizes: what documents write and what libvirt counts. Foundry's `GB` are GiB, as its disks have always been. */

const gib = 2 ** 30
/** libvirt has QEMU make disks of whole KiB, rounded up, and finds that out when it next reads the pool. */
const block = 1024
const factors: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: gib,
  TiB: 2 ** 40,
  K: 2 ** 10,
  M: 2 ** 20,
  G: gib,
  T: 2 ** 40,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: gib,
  Ti: 2 ** 40,
}

/**
 * `10GiB`, `512 MiB`, `1.5T`. KiB to TiB (or K to T, as qemu-img has them, or Ki to Ti, as Kubernetes) are powers of 1024,
 * KB to TB of 1000.
 */
export const sizePattern = /^\d+(\.\d+)? ?([KMGT]i?B?|B)?$/
export const sizeText = 'must be a size such as 10GiB or 512MiB (KiB to TiB, or KB to TB for powers of 1000)'

/** Bytes of a size, rounded up to whole KiB; undefined where the text is none. */
export function parseSize(size: string | number): number | undefined {
  if (typeof size === 'number') return toBlocks(size)
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(size.trim())
  if (!match?.[1]) return undefined
  const factor = factors[match[2] === '' || match[2] === undefined ? 'B' : match[2]]
  return factor === undefined ? undefined : toBlocks(Number(match[1]) * factor)
}

/** Bytes of a disk of so many GiB: whole KiB, rounded up. */
export function diskBytes(gibibytes: number): number {
  return toBlocks(gibibytes * gib)
}

/** The shortest decimal number of GiB that comes to this many bytes of disk. */
export function diskGib(bytes: number): number {
  return shortest(bytes, diskBytes)
}

/** KiB of memory of so many GiB: whole MiB, rounded up, as QEMU aligns it when a machine starts. */
export function memoryKib(gibibytes: number): number {
  return Math.ceil(gibibytes * 1024) * 1024
}

/** The shortest decimal number of GiB that comes to this much memory. */
export function memoryGib(kibibytes: number): number {
  return shortest(Math.ceil(kibibytes / 1024) * 2 ** 20, value => memoryKib(value) * 1024)
}

function toBlocks(bytes: number): number {
  return Math.ceil(bytes / block) * block
}

function shortest(bytes: number, bytesOf: (value: number) => number): number {
  const exact = bytes / gib
  for (let digits = 0; digits <= 20; digits++) {
    const value = Number(exact.toFixed(digits))
    if (bytesOf(value) === bytes) return value
  }
  return exact
}
