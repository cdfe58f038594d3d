/** Procedures of storage pools and volumes. Sizes in bytes. */
import { remote } from '../procedure.js'
import { pool, string, uuid, volume } from '../types.js'
import { bool, int, nothing, struct, uhyper, uint } from '../xdr.js'
import { counted } from './connect.js'

const one = struct({ pool })
const flagged = struct({ pool, flags: uint })
const oneVolume = struct({ volume })
const flaggedVolume = struct({ volume, flags: uint })
const transfer = struct({ volume, offset: uhyper, length: uhyper, flags: uint })
const volumeInfo = struct({ type: int, capacity: uhyper, allocation: uhyper })

export const pools = {
  lookupByName: remote(84, 'read', 'storagePoolLookupByName', struct({ name: string }), pool),
  lookupByUuid: remote(85, 'read', 'storagePoolLookupByUUID', struct({ uuid }), pool),
  lookupByPath: remote(391, 'read', 'storagePoolLookupByTargetPath', struct({ path: string }), pool),
  define: remote(77, 'change', 'storagePoolDefineXML', struct({ xml: string, flags: uint }), pool),
  /** A pool that is gone once it is stopped. */
  create: remote(76, 'slow', 'storagePoolCreateXML', struct({ xml: string, flags: uint }), pool),
  build: remote(79, 'slow', 'storagePoolBuild', flagged, nothing),
  start: remote(78, 'slow', 'storagePoolCreate', flagged, nothing),
  stop: remote(80, 'change', 'storagePoolDestroy', one, nothing),
  /** Removes what `build` made: the folder of a dir pool, if it is empty. */
  delete: remote(81, 'slow', 'storagePoolDelete', flagged, nothing),
  undefine: remote(82, 'change', 'storagePoolUndefine', one, nothing),
  refresh: remote(83, 'slow', 'storagePoolRefresh', flagged, nothing),
  xml: remote(88, 'read', 'storagePoolGetXMLDesc', flagged, string),
  info: remote(
    87,
    'read',
    'storagePoolGetInfo',
    one,
    struct({ state: uint, capacity: uhyper, allocation: uhyper, available: uhyper }),
  ),
  isActive: remote(154, 'read', 'storagePoolIsActive', one, bool),
  isPersistent: remote(155, 'read', 'storagePoolIsPersistent', one, bool),
  autostart: remote(89, 'read', 'storagePoolGetAutostart', one, bool),
  setAutostart: remote(90, 'change', 'storagePoolSetAutostart', struct({ pool, autostart: bool }), nothing),
  volumes: remote(
    282,
    'read',
    'storagePoolListAllVolumes',
    struct({ pool, needResults: int, flags: uint }),
    counted(volume),
  ),
} as const

export const volumes = {
  lookupByName: remote(95, 'read', 'storageVolLookupByName', struct({ pool, name: string }), volume),
  lookupByKey: remote(96, 'read', 'storageVolLookupByKey', struct({ key: string }), volume),
  lookupByPath: remote(97, 'read', 'storageVolLookupByPath', struct({ path: string }), volume),
  create: remote(93, 'slow', 'storageVolCreateXML', struct({ pool, xml: string, flags: uint }), volume),
  createFrom: remote(
    125,
    'slow',
    'storageVolCreateXMLFrom',
    struct({ pool, xml: string, source: volume, flags: uint }),
    volume,
  ),
  delete: remote(94, 'slow', 'storageVolDelete', flaggedVolume, nothing),
  resize: remote(260, 'slow', 'storageVolResize', struct({ volume, capacity: uhyper, flags: uint }), nothing),
  info: remote(98, 'read', 'storageVolGetInfo', oneVolume, volumeInfo),
  xml: remote(99, 'read', 'storageVolGetXMLDesc', flaggedVolume, string),
  path: remote(100, 'read', 'storageVolGetPath', oneVolume, string),
  /** A stream follows that the volume is filled from. */
  upload: remote(208, 'slow', 'storageVolUpload', transfer, nothing),
  /** A stream follows with the volume's bytes. `length` 0 is all from `offset`. */
  download: remote(209, 'read', 'storageVolDownload', transfer, nothing),
} as const
