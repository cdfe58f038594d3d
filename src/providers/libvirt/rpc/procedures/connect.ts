/** Procedures of the connection itself: who is there, what it can do, and everything that it holds, in one call each. */
import { remote } from '../procedure.js'
import { domain, limits, maybeString, network, pool, secret, string, typedParameters } from '../types.js'
import { bool, type Codec, int, list, nothing, optional, struct, uhyper, uint } from '../xdr.js'

/** A list followed by its own length once more, as all "list all" calls answer. */
export function counted<T>(item: Codec<T>, max: number = limits.list): Codec<readonly T[]> {
  const items = list(item, max)
  return {
    write(writer, value) {
      items.write(writer, value)
      writer.uint(value.length)
    },
    read(reader) {
      const value = items.read(reader)
      reader.uint()
      return value
    },
  }
}

/** `needResults` 1 asks for the objects and not only for their number. */
const listArgs = struct({ needResults: int, flags: uint })

export const connect = {
  authList: remote(66, 'read', 'authList', nothing, list(int, limits.authTypes)),
  authPolkit: remote(70, 'read', 'authPolkit', nothing, bool),
  open: remote(1, 'read', 'connectOpen', struct({ name: maybeString, flags: uint }), nothing),
  close: remote(2, 'read', 'connectClose', nothing, nothing),
  supportsFeature: remote(60, 'read', 'connectSupportsFeature', struct({ feature: int }), bool),
  /** The hypervisor's version: major * 1,000,000 + minor * 1,000 + release. */
  hypervisorVersion: remote(4, 'read', 'connectGetVersion', nothing, uhyper),
  /** libvirt's own version, written likewise. */
  libraryVersion: remote(157, 'read', 'connectGetLibVersion', nothing, uhyper),
  hostname: remote(59, 'read', 'connectGetHostname', nothing, string),
  uri: remote(110, 'read', 'connectGetURI', nothing, string),
  driver: remote(3, 'read', 'connectGetType', nothing, string),
  capabilities: remote(7, 'slow', 'connectGetCapabilities', nothing, string),
  domainCapabilities: remote(
    342,
    'slow',
    'connectGetDomainCapabilities',
    struct({
      emulator: maybeString,
      arch: maybeString,
      machine: maybeString,
      virtType: maybeString,
      flags: uint,
    }),
    string,
  ),
  listDomains: remote(273, 'read', 'connectListAllDomains', listArgs, counted(domain)),
  listPools: remote(281, 'read', 'connectListAllStoragePools', listArgs, counted(pool)),
  listNetworks: remote(283, 'read', 'connectListAllNetworks', listArgs, counted(network)),
  /** Interfaces of the host, bridges among them. */
  listInterfaces: remote(
    284,
    'read',
    'connectListAllInterfaces',
    listArgs,
    counted(struct({ name: string, mac: string })),
  ),
  listSecrets: remote(287, 'read', 'connectListAllSecrets', listArgs, counted(secret)),
  /** Statistics of the named domains, or of all where none is named. */
  domainStats: remote(
    344,
    'read',
    'connectGetAllDomainStats',
    struct({ domains: list(domain, limits.list), stats: uint, flags: uint }),
    list(struct({ domain, parameters: typedParameters(limits.allDomainStats) }), limits.list),
  ),
  watchDomains: remote(
    316,
    'read',
    'connectDomainEventRegisterAny',
    struct({ event: int, domain: optional(domain) }),
    int,
  ),
  watchNetworks: remote(
    313,
    'read',
    'connectNetworkEventRegisterAny',
    struct({ event: int, network: optional(network) }),
    int,
  ),
  unwatchNetworks: remote(
    314,
    'read',
    'connectNetworkEventDeregisterAny',
    struct({ callback: int }),
    nothing,
  ),
  watchPools: remote(
    368,
    'read',
    'connectStoragePoolEventRegisterAny',
    struct({ event: int, pool: optional(pool) }),
    int,
  ),
  unwatchPools: remote(
    369,
    'read',
    'connectStoragePoolEventDeregisterAny',
    struct({ callback: int }),
    nothing,
  ),
  unwatchDomains: remote(317, 'read', 'connectDomainEventDeregisterAny', struct({ callback: int }), nothing),
} as const
