/** The virtual clusters of all hosts. A host that cannot be reached hides nobody else's. */
import { messageOf } from '../../../model/error.js'
import { timeLeft } from '../expiry.js'
import { appliedOf, marks, ownerOf } from '../marks.js'
import type { Session } from '../session.js'
import { type Found, takeSnapshot } from '../snapshot.js'
import { chartVersion, kubernetesVersion, phaseOf } from '../told.js'

export interface ListedCluster {
  readonly name: string
  readonly namespace: string
  readonly phase: string
  readonly version?: string
  readonly chartVersion?: string
  /** UTC, ISO 8601. */
  readonly createdAt?: string
  readonly expiresAt?: string
  /** Milliseconds until it expires. */
  readonly left?: number
  /** Its address in the stack that owns it. */
  readonly address?: string
  readonly lineage?: string
  /** Whether it was once proven ready by infra. */
  readonly proven: boolean
}

export interface ListedHost {
  /** The connection's name. */
  readonly connection: string
  readonly host: string
  readonly clusters: readonly ListedCluster[]
  /** Why it could not be read. */
  readonly error?: string
}

/** Every host once, all at the same time. */
export async function listClusters(
  hosts: ReadonlyMap<string, Session>,
  signal: AbortSignal,
): Promise<readonly ListedHost[]> {
  return Promise.all(
    [...hosts].map(async ([connection, session]): Promise<ListedHost> => {
      try {
        const snapshot = await takeSnapshot(session.host, new Set(), signal)
        const clusters = [...snapshot.clusters.values()]
          .filter(found => found.workload !== undefined)
          .map(found => listed(session, found))
          .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1))
        return { connection, host: session.host.name, clusters }
      } catch (error) {
        signal.throwIfAborted()
        const why = (error as { why?: unknown }).why
        return {
          connection,
          host: session.host.name,
          clusters: [],
          error: `${messageOf(error)}${typeof why === 'string' ? ` ${why}` : ''}`,
        }
      }
    }),
  )
}

/** One line of the list. */
export function listed(session: Session, found: Found): ListedCluster {
  const { workload } = found
  const owner = ownerOf(workload)
  const expiresAt = workload?.metadata.annotations?.[marks.expiresAt]
  const left = timeLeft(expiresAt, { host: session.host.now(), here: session.ports.clock.now() })
  const version = kubernetesVersion(found)
  const chart = chartVersion(found)
  return {
    name: found.name,
    namespace: found.namespace,
    phase: phaseOf(found),
    ...(version !== undefined && { version }),
    ...(chart !== undefined && { chartVersion: chart }),
    ...(workload?.metadata.creationTimestamp !== undefined && {
      createdAt: workload.metadata.creationTimestamp,
    }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(left !== undefined && { left }),
    ...(owner !== undefined && { address: owner.address, lineage: owner.lineage }),
    proven: appliedOf(workload)?.proven === true,
  }
}
