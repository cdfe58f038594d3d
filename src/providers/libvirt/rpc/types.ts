/** The values that libvirt's calls are made of, with its own limits (REMOTE_*_MAX of its protocol). */
import {
  type Codec,
  hyper,
  int,
  list,
  malformed,
  optional,
  struct,
  text,
  uhyper,
  uint,
  type ValueOf,
} from './xdr.js'

/** REMOTE_STRING_MAX */
export const string = text(4_194_304)
export const maybeString = optional(string)

/** Limits of lists, as libvirt has them. */
export const limits = {
  list: 16_384,
  secretValue: 65_536,
  authTypes: 20,
  jobStats: 64,
  migrateParameters: 64,
  migrateCookie: 4_194_304,
  blockIoTune: 32,
  memoryStats: 1_024,
  blockStats: 16,
  leases: 65_536,
  allDomainStats: 262_144,
  interfaces: 2_048,
  addresses: 2_048,
  mountpoints: 256,
  messages: 2_048,
} as const

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A UUID of 16 bytes, as text in lower case. */
export const uuid: Codec<string> = {
  write(writer, value) {
    if (!uuidPattern.test(value)) throw malformed(`${JSON.stringify(value)} is no UUID in lower case`)
    writer.fixed(Buffer.from(value.replaceAll('-', ''), 'hex'))
  },
  read(reader) {
    const hex = reader.fixed(16).toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  },
}

export const domain = struct({ name: string, uuid, id: int })
export const network = struct({ name: string, uuid })
export const pool = struct({ name: string, uuid })
export const volume = struct({ pool: string, name: string, key: string })
export const secret = struct({ uuid, usageType: int, usageId: string })
export const snapshot = struct({ name: string, domain })
export const checkpoint = struct({ name: string, domain })

/** A domain as calls name it; `id` is -1 where it does not run. libvirt goes by the UUID. */
export type Domain = ValueOf<typeof domain>
export type Network = ValueOf<typeof network>
export type Pool = ValueOf<typeof pool>
export type Volume = ValueOf<typeof volume>
export type Snapshot = ValueOf<typeof snapshot>

/** A named value of one of libvirt's seven types. */
export interface TypedParameter {
  readonly field: string
  readonly type: 'int' | 'uint' | 'llong' | 'ullong' | 'double' | 'boolean' | 'string'
  readonly value: number | boolean | string
}

const double: Codec<number> = {
  write: (writer, value) => writer.double(value),
  read: reader => reader.double(),
}
const parameterTypes = ['int', 'uint', 'llong', 'ullong', 'double', 'boolean', 'string'] as const
const numbers = { int, uint, llong: hyper, ullong: uhyper, double } as const

export const typedParameter: Codec<TypedParameter> = {
  write(writer, { field, type, value }) {
    string.write(writer, field)
    writer.int(parameterTypes.indexOf(type) + 1)
    if (type === 'string') string.write(writer, String(value))
    else if (type === 'boolean') writer.int(value ? 1 : 0)
    else numbers[type].write(writer, Number(value))
  },
  read(reader) {
    const field = string.read(reader)
    const number = reader.int()
    const type = parameterTypes[number - 1]
    if (type === undefined) throw malformed(`a parameter of type ${number}`)
    if (type === 'string') return { field, type, value: string.read(reader) }
    if (type === 'boolean') return { field, type, value: reader.int() !== 0 }
    return { field, type, value: numbers[type].read(reader) }
  },
}

export function typedParameters(max: number): Codec<readonly TypedParameter[]> {
  return list(typedParameter, max)
}
