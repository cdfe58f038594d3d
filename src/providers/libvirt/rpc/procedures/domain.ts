/** Procedures of domains. Flags and states are libvirt's own numbers; those that infra uses are named in `flags.ts`. */
import { qemu, remote } from '../procedure.js'
import { domain, limits, maybeString, string, typedParameters, uuid } from '../types.js'
import { bool, hyper, int, list, nothing, struct, uhyper, uint } from '../xdr.js'

const one = struct({ domain })
const flagged = struct({ domain, flags: uint })
const withXml = struct({ domain, xml: string, flags: uint })

const address = struct({ type: int, address: string, prefix: uint })

export const domains = {
  lookupByName: remote(23, 'read', 'domainLookupByName', struct({ name: string }), domain),
  lookupByUuid: remote(24, 'read', 'domainLookupByUUID', struct({ uuid }), domain),
  xml: remote(14, 'read', 'domainGetXMLDesc', flagged, string),
  define: remote(350, 'change', 'domainDefineXMLFlags', struct({ xml: string, flags: uint }), domain),
  start: remote(196, 'slow', 'domainCreateWithFlags', flagged, domain),
  shutdown: remote(258, 'slow', 'domainShutdownFlags', flagged, nothing),
  destroy: remote(234, 'slow', 'domainDestroyFlags', flagged, nothing),
  reset: remote(245, 'change', 'domainReset', flagged, nothing),
  reboot: remote(27, 'slow', 'domainReboot', flagged, nothing),
  suspend: remote(34, 'change', 'domainSuspend', one, nothing),
  resume: remote(28, 'change', 'domainResume', one, nothing),
  undefine: remote(231, 'change', 'domainUndefineFlags', flagged, nothing),
  setAutostart: remote(29, 'change', 'domainSetAutostart', struct({ domain, autostart: bool }), nothing),
  autostart: remote(15, 'read', 'domainGetAutostart', one, bool),
  /** KiB. */
  setMemory: remote(
    204,
    'slow',
    'domainSetMemoryFlags',
    struct({ domain, memory: uhyper, flags: uint }),
    nothing,
  ),
  /** Numbered values: KiB, counts, times. */
  memoryStats: remote(
    159,
    'read',
    'domainMemoryStats',
    struct({ domain, maxStats: uint, flags: uint }),
    list(struct({ tag: int, value: uhyper }), limits.memoryStats),
  ),
  setVcpus: remote(199, 'slow', 'domainSetVcpusFlags', struct({ domain, vcpus: uint, flags: uint }), nothing),
  attachDevice: remote(160, 'slow', 'domainAttachDeviceFlags', withXml, nothing),
  detachDevice: remote(161, 'slow', 'domainDetachDeviceFlags', withXml, nothing),
  updateDevice: remote(174, 'slow', 'domainUpdateDeviceFlags', withXml, nothing),
  /** KiB, or bytes with the flag for it. */
  blockResize: remote(
    251,
    'slow',
    'domainBlockResize',
    struct({ domain, disk: string, size: uhyper, flags: uint }),
    nothing,
  ),
  blockInfo: remote(
    194,
    'read',
    'domainGetBlockInfo',
    struct({ domain, path: string, flags: uint }),
    struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  blockStats: remote(
    64,
    'read',
    'domainBlockStats',
    struct({ domain, path: string }),
    struct({ readRequests: hyper, readBytes: hyper, writeRequests: hyper, writeBytes: hyper, errors: hyper }),
  ),
  state: remote(212, 'read', 'domainGetState', flagged, struct({ state: int, reason: int })),
  /** Memory in KiB, CPU time in nanoseconds. */
  info: remote(
    16,
    'read',
    'domainGetInfo',
    one,
    struct({ state: uint, maxMemory: uhyper, memory: uhyper, vcpus: uint, cpuTime: uhyper }),
  ),
  isActive: remote(150, 'read', 'domainIsActive', one, bool),
  isPersistent: remote(151, 'read', 'domainIsPersistent', one, bool),
  managedSave: remote(182, 'slow', 'domainManagedSave', flagged, nothing),
  hasManagedSave: remote(183, 'read', 'domainHasManagedSaveImage', flagged, bool),
  removeManagedSave: remote(184, 'change', 'domainManagedSaveRemove', flagged, nothing),
  setMetadata: remote(
    264,
    'change',
    'domainSetMetadata',
    struct({ domain, type: int, metadata: maybeString, key: maybeString, uri: maybeString, flags: uint }),
    nothing,
  ),
  metadata: remote(
    265,
    'read',
    'domainGetMetadata',
    struct({ domain, type: int, uri: maybeString, flags: uint }),
    string,
  ),
  rename: remote(358, 'change', 'domainRename', struct({ domain, name: maybeString, flags: uint }), int),
  addresses: remote(
    353,
    'slow',
    'domainInterfaceAddresses',
    struct({ domain, source: uint, flags: uint }),
    list(
      struct({ name: string, mac: maybeString, addresses: list(address, limits.addresses) }),
      limits.interfaces,
    ),
  ),
  /** A stream follows: what the guest prints, and what is typed to it. */
  console: remote(
    201,
    'change',
    'domainOpenConsole',
    struct({ domain, device: maybeString, flags: uint }),
    nothing,
  ),
  /** `timeout` in seconds; -2 waits for ever, -1 as long as libvirt thinks right, 0 not at all. */
  agent: qemu(
    3,
    'slow',
    'domainQemuAgentCommand',
    struct({ domain, command: string, timeout: int, flags: uint }),
    maybeString,
  ),
  freeze: remote(
    335,
    'slow',
    'domainFSFreeze',
    struct({ domain, mountpoints: list(string, limits.mountpoints), flags: uint }),
    int,
  ),
  thaw: remote(
    336,
    'slow',
    'domainFSThaw',
    struct({ domain, mountpoints: list(string, limits.mountpoints), flags: uint }),
    int,
  ),
  messages: remote(426, 'read', 'domainGetMessages', flagged, list(string, limits.messages)),
  setBlockIoTune: remote(
    252,
    'change',
    'domainSetBlockIoTune',
    struct({ domain, disk: string, parameters: typedParameters(limits.blockIoTune), flags: uint }),
    nothing,
  ),
} as const
