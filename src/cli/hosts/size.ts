/** Bytes for people. */
import { gibibytes } from '../../report/text.js'

export function size(bytes: number | undefined): string {
  return bytes === undefined ? '' : gibibytes(bytes / 2 ** 30)
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '' : `${Math.round((part / whole) * 100)} %`
}
