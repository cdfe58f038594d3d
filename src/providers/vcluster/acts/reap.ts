/** Virtual clusters whose time is up. Deleting them is the engine's: with plan, journal and read-back. */
import type { Session } from '../session.js'
import { type ListedCluster, listClusters } from './list.js'

export interface Expired extends ListedCluster {
  readonly connection: string
  /** Milliseconds since it expired. */
  readonly overdue: number
}

export interface Reaping {
  readonly expired: readonly Expired[]
  /** Those of other stacks, or of none: never touched. */
  readonly others: readonly Expired[]
  /** Hosts that could not be read. */
  readonly unread: readonly { readonly connection: string; readonly error: string }[]
}

/** What has expired on all hosts, told apart by whose it is. The earlier of host's and own clock counts. */
export async function expiredClusters(
  hosts: ReadonlyMap<string, Session>,
  lineage: string,
  signal: AbortSignal,
): Promise<Reaping> {
  const listed = await listClusters(hosts, signal)
  const expired = listed.flatMap(host =>
    host.clusters
      .filter(cluster => cluster.left !== undefined && cluster.left <= 0)
      .map(cluster => ({ ...cluster, connection: host.connection, overdue: -(cluster.left ?? 0) })),
  )
  return {
    expired: expired.filter(cluster => cluster.lineage === lineage && cluster.address !== undefined),
    others: expired.filter(cluster => cluster.lineage !== lineage || cluster.address === undefined),
    unread: listed.flatMap(({ connection, error }) => (error === undefined ? [] : [{ connection, error }])),
  }
}
