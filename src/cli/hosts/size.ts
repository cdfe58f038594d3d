/** Bytes for people. */
import { gibibytes } from '../../report/text.js'

/** Bytes in a unit that is easy to read; nothing where they are not known. */
export function size(bytes: number | undefined): string {
  return bytes === undefined ? '' : gibibytes(bytes / 2 ** 30)
}

/** A part of a whole in whole percent; nothing where there is no whole. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${Math.round((part / whole) * 100)} %`
}
