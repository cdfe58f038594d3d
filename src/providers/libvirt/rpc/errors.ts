/** Errors that libvirt itself reports, told apart by its own numbers (virterror.h), never by their text. */
import { type ErrorKind, InfraError } from '../../../model/error.js'
import { domain, maybeString, network } from './types.js'
import { int, optional, struct, type XdrReader } from './xdr.js'

/** libvirt's numbers of the errors that infra tells apart. */
export const libvirtCodes = {
  INTERNAL_ERROR: 1,
  NO_SUPPORT: 3,
  NO_CONNECT: 5,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  XML_ERROR: 27,
  DOM_EXIST: 28,
  OPERATION_DENIED: 29,
  SYSTEM_ERROR: 38,
  NO_DOMAIN: 42,
  NO_NETWORK: 43,
  AUTH_FAILED: 45,
  NO_STORAGE_POOL: 49,
  NO_STORAGE_VOL: 50,
  OPERATION_INVALID: 55,
  NO_SECRET: 66,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  NO_DOMAIN_SNAPSHOT: 72,
  ARGUMENT_UNSUPPORTED: 74,
  OPERATION_ABORTED: 78,
  NO_DOMAIN_METADATA: 80,
  OPERATION_UNSUPPORTED: 84,
  AGENT_UNRESPONSIVE: 86,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  STORAGE_VOL_EXIST: 90,
  DEVICE_MISSING: 99,
  NO_DOMAIN_CHECKPOINT: 103,
  NO_DOMAIN_BACKUP: 104,
  AGENT_COMMAND_TIMEOUT: 111,
  AGENT_COMMAND_FAILED: 112,
} as const

export type LibvirtCode = keyof typeof libvirtCodes

/** What libvirt says before it has done anything. */
export const refusals = [
  'INVALID_ARG',
  'OPERATION_INVALID',
  'OPERATION_UNSUPPORTED',
  'CONFIG_UNSUPPORTED',
  'ARGUMENT_UNSUPPORTED',
  'NO_DOMAIN_SNAPSHOT',
] as const satisfies readonly LibvirtCode[]

const names = new Map<number, LibvirtCode>(
  Object.entries(libvirtCodes).map(([name, code]) => [code, name as LibvirtCode]),
)

/** Which part of libvirt spoke: only what decides something here. */
const domains = { storage: 18, network: 19 } as const

export class LibvirtError extends InfraError {
  /** libvirt's own number, as in virterror.h. */
  readonly number: number
  /** The part of libvirt that spoke, by its own number. */
  readonly from: number

  constructor(call: string, number: number, from: number, said: string) {
    const name = names.get(number)
    super({
      kind: kindOf(name, from, call),
      code: name === undefined ? `libvirt-${number}` : `libvirt-${name.toLowerCase().replaceAll('_', '-')}`,
      message: `libvirt refused ${call}`,
      why: said,
      ...hintOf(name),
    })
    this.name = 'LibvirtError'
    this.number = number
    this.from = from
  }

  is(...codes: readonly LibvirtCode[]): boolean {
    return codes.some(code => libvirtCodes[code] === this.number)
  }
}

/** Whether a thrown value is libvirt's own error with one of these codes. */
export function isLibvirt(thrown: unknown, ...codes: readonly LibvirtCode[]): thrown is LibvirtError {
  return thrown instanceof LibvirtError && thrown.is(...codes)
}

function kindOf(name: LibvirtCode | undefined, from: number, call: string): ErrorKind {
  if (name === 'AUTH_FAILED' || name === 'NO_CONNECT') return 'connection'
  // a full disk in the middle of an upload is told by the part of libvirt that carries streams
  if (from === domains.storage || call.startsWith('storage')) return 'storage'
  return 'operation'
}

function hintOf(name: LibvirtCode | undefined): { hint?: string } {
  switch (name) {
    case 'AUTH_FAILED':
    case 'ACCESS_DENIED':
    case 'OPERATION_DENIED':
      return { hint: 'Run as root or as a member of the group libvirt, or give this user leave in polkit' }
    case 'AGENT_UNRESPONSIVE':
      return { hint: 'The guest agent (qemu-guest-agent) does not run in the guest, or not yet' }
    case 'CONFIG_UNSUPPORTED':
      return { hint: 'This libvirt or QEMU cannot do it; `virsh domcapabilities` lists what it can' }
    default:
      return {}
  }
}

const remoteError = struct({
  code: int,
  domain: int,
  message: maybeString,
  level: int,
  dom: optional(domain),
  str1: maybeString,
  str2: maybeString,
  str3: maybeString,
  int1: int,
  int2: int,
  net: optional(network),
})

/** The error of a reply whose status says so. `call` names what was asked for, for people. */
export function readError(reader: XdrReader, call: string): LibvirtError {
  const error = remoteError.read(reader)
  return new LibvirtError(call, error.code, error.domain, error.message ?? 'no reason was given')
}

/** The connection is gone (or never was). `unknown` lists a change of which nobody can say whether it happened. */
export function connectionError(code: string, message: string, why: string, hint?: string): InfraError {
  return new InfraError({ kind: 'connection', code, message, why, ...(hint !== undefined && { hint }) })
}
