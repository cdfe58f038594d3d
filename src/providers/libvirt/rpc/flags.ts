/** libvirt's own numbers for flags and states, those that infra uses. */

export const domainXmlFlags = { secure: 1, inactive: 2, migratable: 8 } as const
/** Of networks and pools. */
export const inactiveXml = 1
/** What a change of a domain or network acts on. */
export const affect = { current: 0, live: 1, config: 2 } as const
export const domainStates = {
  none: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  suspended: 7,
} as const
/** Why a domain is paused (`virDomainPausedReason`): it leaves or arrives just now. */
export const pausedReasons = { migration: 2, startingUp: 11 } as const
/** What a job of a domain is, in its parameter `operation`. */
export const jobOperations = { migrationOut: 5, backup: 9 } as const
export const startFlags = { paused: 1, forceBoot: 8 } as const
export const shutdownFlags = { acpi: 1, agent: 2 } as const
export const undefineFlags = {
  managedSave: 1,
  snapshots: 2,
  nvram: 4,
  keepNvram: 8,
  checkpoints: 16,
  tpm: 32,
  keepTpm: 64,
} as const
export const blockResizeBytes = 1
export const addressSources = { lease: 0, agent: 1, arp: 2 } as const
export const metadataTypes = { description: 0, title: 1, element: 2 } as const
export const snapshotFlags = {
  redefine: 1,
  current: 2,
  noMetadata: 4,
  diskOnly: 16,
  quiesce: 64,
  atomic: 128,
} as const
export const migrateFlags = {
  live: 1,
  peerToPeer: 2,
  persistThere: 8,
  undefineHere: 16,
  copyDisks: 64,
  protect: 256,
  unsafe: 512,
  abortOnError: 4096,
  autoConverge: 8192,
} as const
export const networkUpdates = { modify: 1, delete: 2, add: 3 } as const
export const networkSections = { dhcpHost: 4, dhcpRange: 5, dnsHost: 10 } as const
export const poolStates = { inactive: 0, building: 1, running: 2, degraded: 3, inaccessible: 4 } as const
export const poolCreateFlags = { build: 1 } as const
export const sparse = 1
export const consoleForce = 1
