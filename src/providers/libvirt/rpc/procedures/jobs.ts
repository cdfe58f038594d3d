/** Procedures of snapshots, checkpoints, backups and the block jobs behind them. */
import { remote } from '../procedure.js'
import { checkpoint, domain, limits, maybeString, snapshot, string, typedParameters } from '../types.js'
import { int, nothing, opaque, struct, uhyper, uint } from '../xdr.js'
import { counted } from './connect.js'

const withXml = struct({ domain, xml: string, flags: uint })
const listArgs = struct({ domain, needResults: int, flags: uint })
const named = struct({ domain, name: string, flags: uint })
const onSnapshot = struct({ snapshot, flags: uint })
const onCheckpoint = struct({ checkpoint, flags: uint })

export const snapshots = {
  create: remote(185, 'slow', 'domainSnapshotCreateXML', withXml, snapshot),
  list: remote(274, 'read', 'domainListAllSnapshots', listArgs, counted(snapshot)),
  lookup: remote(189, 'read', 'domainSnapshotLookupByName', named, snapshot),
  current: remote(191, 'read', 'domainSnapshotCurrent', struct({ domain, flags: uint }), snapshot),
  xml: remote(186, 'read', 'domainSnapshotGetXMLDesc', onSnapshot, string),
  revert: remote(192, 'slow', 'domainRevertToSnapshot', onSnapshot, nothing),
  delete: remote(193, 'slow', 'domainSnapshotDelete', onSnapshot, nothing),
} as const

export const backups = {
  begin: remote(
    421,
    'slow',
    'domainBackupBegin',
    struct({ domain, backup: string, checkpoint: maybeString, flags: uint }),
    nothing,
  ),
  xml: remote(422, 'read', 'domainBackupGetXMLDesc', struct({ domain, flags: uint }), string),
  jobStats: remote(
    298,
    'read',
    'domainGetJobStats',
    struct({ domain, flags: uint }),
    struct({ type: int, parameters: typedParameters(limits.jobStats) }),
  ),
  abortJob: remote(164, 'change', 'domainAbortJob', struct({ domain }), nothing),
  listCheckpoints: remote(413, 'read', 'domainListAllCheckpoints', listArgs, counted(checkpoint)),
  deleteCheckpoint: remote(417, 'slow', 'domainCheckpointDelete', onCheckpoint, nothing),
} as const

const cookie = opaque(limits.migrateCookie)

export const migrations = {
  /** Peer to peer: the libvirt that has the domain connects to `peer` and does all of it. */
  perform: remote(
    305,
    'slow',
    'domainMigratePerform3Params',
    struct({
      domain,
      peer: maybeString,
      parameters: typedParameters(limits.migrateParameters),
      cookie,
      flags: uint,
    }),
    cookie,
  ),
} as const

export const blockJobs = {
  commit: remote(
    290,
    'slow',
    'domainBlockCommit',
    struct({
      domain,
      disk: string,
      base: maybeString,
      top: maybeString,
      bandwidth: uhyper,
      flags: uint,
    }),
    nothing,
  ),
  pull: remote(
    240,
    'slow',
    'domainBlockPull',
    struct({ domain, path: string, bandwidth: uhyper, flags: uint }),
    nothing,
  ),
  info: remote(
    238,
    'read',
    'domainGetBlockJobInfo',
    struct({ domain, path: string, flags: uint }),
    struct({ found: int, type: int, bandwidth: uhyper, current: uhyper, end: uhyper }),
  ),
  abort: remote(237, 'slow', 'domainBlockJobAbort', struct({ domain, path: string, flags: uint }), nothing),
} as const
