/** Procedures of virtual networks and of secrets. */
import { remote } from '../procedure.js'
import { limits, maybeString, network, secret, string, uuid } from '../types.js'
import { bool, hyper, int, nothing, opaque, struct, uint } from '../xdr.js'
import { counted } from './connect.js'

const one = struct({ network })
const flagged = struct({ network, flags: uint })

const lease = struct({
  interface: string,
  /** Seconds since 1970. */
  expires: hyper,
  type: int,
  mac: maybeString,
  iaid: maybeString,
  address: string,
  prefix: uint,
  hostname: maybeString,
  clientId: maybeString,
})

export const networks = {
  lookupByName: remote(46, 'read', 'networkLookupByName', struct({ name: string }), network),
  lookupByUuid: remote(47, 'read', 'networkLookupByUUID', struct({ uuid }), network),
  define: remote(41, 'change', 'networkDefineXML', struct({ xml: string }), network),
  start: remote(39, 'slow', 'networkCreate', one, nothing),
  stop: remote(42, 'slow', 'networkDestroy', one, nothing),
  undefine: remote(49, 'change', 'networkUndefine', one, nothing),
  update: remote(
    291,
    'change',
    'networkUpdate',
    struct({ network, command: uint, section: uint, parentIndex: int, xml: string, flags: uint }),
    nothing,
  ),
  xml: remote(43, 'read', 'networkGetXMLDesc', flagged, string),
  isActive: remote(152, 'read', 'networkIsActive', one, bool),
  isPersistent: remote(153, 'read', 'networkIsPersistent', one, bool),
  bridge: remote(45, 'read', 'networkGetBridgeName', one, string),
  autostart: remote(44, 'read', 'networkGetAutostart', one, bool),
  setAutostart: remote(48, 'change', 'networkSetAutostart', struct({ network, autostart: bool }), nothing),
  leases: remote(
    341,
    'read',
    'networkGetDHCPLeases',
    struct({ network, mac: maybeString, needResults: int, flags: uint }),
    counted(lease, limits.leases),
  ),
} as const

export const secrets = {
  lookupByUuid: remote(141, 'read', 'secretLookupByUUID', struct({ uuid }), secret),
  lookupByUsage: remote(147, 'read', 'secretLookupByUsage', struct({ type: int, id: string }), secret),
  define: remote(142, 'change', 'secretDefineXML', struct({ xml: string, flags: uint }), secret),
  xml: remote(143, 'read', 'secretGetXMLDesc', struct({ secret, flags: uint }), string),
  setValue: remote(
    144,
    'change',
    'secretSetValue',
    struct({ secret, value: opaque(limits.secretValue), flags: uint }),
    nothing,
  ),
  undefine: remote(146, 'change', 'secretUndefine', struct({ secret }), nothing),
} as const
