/** Small readers for specs whose values may be missing or not known yet, and fields that several kinds have. */
import { z } from 'zod'
import { type Attributes, isObject, isUnresolved, type Json } from '../../../model/value.js'
import type { ChangeRule, Hazard, Problem } from '../../kind.js'

export { present } from '../../../model/value.js'

export const data: readonly Hazard[] = ['deletes-data']

export function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function number(value: Json | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

export function texts(value: Json | undefined): readonly string[] {
  return list(value).filter(item => typeof item === 'string')
}

/** The fields of an object; none where it is missing or not known yet. */
export function fields(value: Json | undefined): Attributes {
  return isObject(value) && !isUnresolved(value) ? value : {}
}

/** The objects of a list; unresolved elements are passed over. */
export function objects(value: Json | undefined): readonly Attributes[] {
  return list(value).filter(item => isObject(item) && !isUnresolved(item)) as Attributes[]
}

/** An object with defaults; a value that is not known yet stays as it is. */
export function filled(value: Json | undefined, fill: (known: Attributes) => Attributes): Json {
  return value !== undefined && isUnresolved(value) ? value : fill(fields(value))
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
}
const sizePattern = /^(\d+(?:\.\d+)?) ?(|B|[KMGTP](?:i?B)?)$/

/** Bytes of `10GiB`, `10G`, `512MiB` or a number; undefined where it is none. As Ceph's own clients, `G` and `GB` are 2^30. */
export function bytesOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value
  const match = typeof value === 'string' ? sizePattern.exec(value) : null
  if (!match?.[1]) return undefined
  return Math.round(Number(match[1]) * (units[match[2]?.[0] ?? ''] ?? 1))
}

/** A size in bytes where it can be told; anything else stays as it is. */
export function canonicalBytes(value: Json | undefined): Json | undefined {
  return bytesOf(value) ?? value
}

export const size = z.union([
  z.int('must be whole bytes').min(1, 'must be above 0'),
  z
    .string()
    .regex(sizePattern, 'must be a size such as 10GiB or 512MiB (KiB to PiB; KB to PB mean the same)')
    .refine(text => bytesOf(text) !== 0, 'must be above 0')
    .refine(text => (bytesOf(text) ?? 0) <= Number.MAX_SAFE_INTEGER, 'is more than Ceph can count'),
])
export const sizeOrInfinite = z.union([size, z.literal('infinite')])
export const name = z.string().min(1)
export const mode = z.union([
  z
    .int()
    .min(0)
    .max(7777)
    // 0o755 is read as 493: what is written counts, and not its value
    .refine(value => /^[0-7]+$/.test(String(value)), 'must be octal digits such as 755, without 0o'),
  z.string().regex(/^0?[0-7]{3,4}$/, 'must be octal digits such as 755'),
])
export const id = z.int().min(0).max(4294967294)

/** `'0755'`, `755` and `'755'` are the same, and so are 7 and `'007'`: three digits at least, as they are read back. */
export function canonicalMode(value: Json | undefined): Json {
  if (value === undefined) return '755'
  return typeof value === 'number' || typeof value === 'string'
    ? String(value)
        .replace(/^0+(?=[0-7]{3})/, '')
        .padStart(3, '0')
    : value
}

export const cluster = name
  .optional()
  .describe('Name of the connection to the cluster. By default the stack’s ceph connection.')

export const clusterRule: ChangeRule = {
  path: 'cluster',
  how: 'replace',
  why: 'it would be made anew in the other cluster',
  hazards: data,
}

/** A value that is no longer declared stays as it is. */
export function undeclared(...paths: readonly string[]): ChangeRule[] {
  return paths.map(path => ({
    path,
    op: 'remove',
    how: 'live',
    why: 'it is no longer declared, and stays as it is',
  }))
}

const amount = (value: Json | undefined): number | undefined =>
  value === 'infinite' ? Number.POSITIVE_INFINITY : number(value)

export const grows = {
  text: 'grows',
  holds: (from: Json | undefined, to: Json | undefined): boolean =>
    (amount(to) ?? 0) > (amount(from) ?? Number.POSITIVE_INFINITY),
}

export const shrinks = {
  text: 'shrinks',
  holds: (from: Json | undefined, to: Json | undefined): boolean =>
    (amount(to) ?? Number.POSITIVE_INFINITY) < (amount(from) ?? 0),
}

/** What is wrong with a name that Ceph puts into paths and specs: `pool/image@snapshot`. */
export function checkName(given: string, what: string): Problem[] {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(given)) return []
  return [
    {
      path: ['metadata', 'name'],
      code: 'invalid-name',
      message: `“${given}” is no name for ${what}`,
      hint: 'Use letters, digits and any of _ . + - and begin with a letter, a digit or _.',
    },
  ]
}
