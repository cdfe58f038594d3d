/** How a cluster is: health, daemons, placement groups, space. */
import { type Ceph, monData } from '../ask.js'
import type { CallOptions } from '../client/connection.js'

export interface ClusterStatus {
  readonly fsid: string
  readonly version: string
  /** `librados` or the ceph client, and who asks. */
  readonly connection: string
  /** `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`. */
  readonly health: string
  readonly checks: readonly HealthCheck[]
  readonly monitors: { readonly known: number; readonly inQuorum: readonly string[] }
  readonly managers: { readonly active: boolean; readonly standbys: number }
  readonly osds: { readonly known: number; readonly up: number; readonly in: number }
  readonly filesystems: readonly { readonly name: string; readonly active: number; readonly wanted: number }[]
  readonly pools: number
  /** `active+clean` → how many. */
  readonly placementGroups: Readonly<Record<string, number>>
  readonly space: { readonly totalBytes: number; readonly usedBytes: number; readonly availableBytes: number }
}

export interface HealthCheck {
  /** `OSD_DOWN`. */
  readonly code: string
  readonly severity: string
  readonly summary: string
  readonly muted: boolean
}

interface StatusJson {
  readonly health: {
    readonly status: string
    readonly checks: Readonly<Record<string, CheckJson>>
  }
  readonly quorum_names: readonly string[]
  readonly monmap: { readonly num_mons: number }
  readonly mgrmap: { readonly available: boolean; readonly num_standbys: number }
  readonly osdmap: { readonly num_osds: number; readonly num_up_osds: number; readonly num_in_osds: number }
  readonly pgmap: {
    readonly pgs_by_state: readonly { readonly state_name: string; readonly count: number }[]
    readonly bytes_total: number
    readonly bytes_used: number
    readonly bytes_avail: number
  }
}

interface CheckJson {
  readonly severity: string
  readonly summary: { readonly message: string }
  readonly muted?: boolean
}

interface FsDump {
  readonly filesystems: readonly {
    readonly mdsmap: {
      readonly fs_name: string
      readonly max_mds: number
      readonly info: Readonly<Record<string, { readonly state: string }>>
    }
  }[]
}

export async function clusterStatus(ceph: Ceph, options: CallOptions): Promise<ClusterStatus> {
  const [status, systems, pools] = await Promise.all([
    monData<StatusJson>(ceph, { prefix: 'status' }, options),
    monData<FsDump>(ceph, { prefix: 'fs dump' }, options),
    // The status counts them by what the manager last heard
    monData<string[]>(ceph, { prefix: 'osd pool ls' }, options),
  ])
  const { health, monmap, mgrmap, osdmap, pgmap } = status
  return {
    fsid: ceph.connection.fsid,
    version: ceph.connection.version.text,
    connection: ceph.connection.description,
    health: health.status,
    checks: Object.entries(health.checks).map(([code, check]) => ({
      code,
      severity: check.severity,
      summary: check.summary.message,
      muted: check.muted ?? false,
    })),
    monitors: { known: monmap.num_mons, inQuorum: status.quorum_names },
    managers: { active: mgrmap.available, standbys: mgrmap.num_standbys },
    osds: { known: osdmap.num_osds, up: osdmap.num_up_osds, in: osdmap.num_in_osds },
    filesystems: systems.filesystems.map(({ mdsmap }) => ({
      name: mdsmap.fs_name,
      active: Object.values(mdsmap.info).filter(server => server.state === 'up:active').length,
      wanted: mdsmap.max_mds,
    })),
    pools: pools.length,
    placementGroups: Object.fromEntries(pgmap.pgs_by_state.map(state => [state.state_name, state.count])),
    space: { totalBytes: pgmap.bytes_total, usedBytes: pgmap.bytes_used, availableBytes: pgmap.bytes_avail },
  }
}
