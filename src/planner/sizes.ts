/** What a spec asks for, read off the names of its fields: processors, memory, and space for data. */
import { type Attributes, isObject, type Json } from '../model/value.js'

/** Space that a spec declares, and the pool that it is in, as the spec names it. */
export interface DataSize {
  /** Path of the field: `bootDisk.sizeGB`. */
  readonly path: string
  readonly gib: number
  readonly pool?: string
}

const gib = 2 ** 30
const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  K: 2 ** 10,
  M: 2 ** 20,
  G: gib,
  T: 2 ** 40,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: gib,
  TiB: 2 ** 40,
}

/** Fields that hold a size in GiB (a disk's GB have always been GiB), and fields that hold bytes or a text with a unit. */
const gibFields = new Set(['sizeGB', 'sizeGiB'])
const textFields = new Set(['size', 'capacity', 'quota'])
/** Bytes below which a plain number is none of space: `size` of a Ceph pool counts copies. */
const leastBytes = 1024
const poolFields = ['storagePool', 'pool', 'dataPool']

/** GiB of `10GiB`, `512 MB` or a number of bytes; undefined where the value is no size of space. */
export function gibOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value < leastBytes ? undefined : value / gib
  if (typeof value !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(value.trim())
  const factor = units[match?.[2] ?? '?']
  return match && factor !== undefined ? (Number(match[1]) * factor) / gib : undefined
}

/** Every size in a spec. Values that are not known yet count for nothing. */
export function dataSizes(spec: Attributes): DataSize[] {
  const found: DataSize[] = []
  collect(spec, '', poolOf(spec), found)
  return found
}

function collect(value: Attributes, prefix: string, pool: string | undefined, found: DataSize[]): void {
  for (const [key, field] of Object.entries(value)) {
    const path = prefix === '' ? key : `${prefix}.${key}`
    if (Array.isArray(field)) {
      for (const [index, item] of (field as readonly Json[]).entries()) {
        if (!isObject(item)) continue
        const name = item.device ?? item.name
        const at = `${path}[${typeof name === 'string' ? name : index}]`
        collect(item, at, poolOf(item) ?? pool, found)
      }
    } else if (isObject(field)) {
      collect(field, path, poolOf(field) ?? pool, found)
    } else {
      const size = gibFields.has(key) && typeof field === 'number' ? field : undefined
      const amount = size ?? (textFields.has(key) ? gibOf(field) : undefined)
      if (amount !== undefined && amount > 0) found.push({ path, gib: amount, ...(pool && { pool }) })
    }
  }
}

function poolOf(spec: Attributes): string | undefined {
  for (const field of poolFields) {
    const value = spec[field]
    if (typeof value === 'string') return value
  }
  return undefined
}

/** Processors and memory that a spec asks of its host; undefined where it asks for none. */
export function hostNeeds(
  spec: Attributes,
): { readonly vcpus: number; readonly memoryGib: number } | undefined {
  const { vcpus, memoryGiB } = spec
  if (typeof vcpus !== 'number' && typeof memoryGiB !== 'number') return undefined
  return {
    vcpus: typeof vcpus === 'number' ? vcpus : 0,
    memoryGib: typeof memoryGiB === 'number' ? memoryGiB : 0,
  }
}
