/** Documents of virtual clusters: on the host clusters that a stack is connected to, or on one that no stack has yet. */
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import { openVclusterSession } from '../../providers/vcluster/index.js'
import type { Session as HostSession } from '../../providers/vcluster/session.js'
import type { DiscoveredDocument } from '../../session/discover.js'
import { discoverClusters } from '../../session/discover-clusters.js'
import type { Session } from '../../session/session.js'
import type { DesiredConnection } from '../../stack/desired.js'
import { type DownHost, openClusterHosts } from './hosts.js'

export interface FoundClusters {
  readonly documents: readonly DiscoveredDocument[]
  /** The connections that were looked at. */
  readonly connections: readonly DesiredConnection[]
  readonly down: readonly DownHost[]
}

export interface DiscoverInput {
  readonly ports: Ports
  /** Absolute. */
  readonly ghostFolder: string | undefined
  readonly signal: AbortSignal
}

/** Of the stack's connections to host clusters, or of those of them that are named. One that is down hides no other. */
export async function clustersOfStack(
  session: Session,
  names: readonly string[] | undefined,
  input: DiscoverInput,
): Promise<FoundClusters> {
  const connections = session.stack.connections.filter(
    one => one.type === 'vcluster' && (names === undefined || names.includes(one.name)),
  )
  if (connections.length === 0) return { documents: [], connections, down: [] }
  const hosts = openClusterHosts(
    session,
    connections.map(one => one.name),
    input.ports,
  )
  try {
    const read = await Promise.all([...hosts.open].map(([name, host]) => readHost(name, host, input)))
    return {
      documents: read.flatMap(one => one.documents),
      connections,
      down: [...hosts.down, ...read.flatMap(one => one.down)],
    }
  } finally {
    hosts.close()
  }
}

/** Of the host cluster of a kubeconfig. `folder` is for relative paths. */
export async function clustersOfHost(
  settings: { readonly kubeconfig: string; readonly context?: string },
  folder: string,
  input: DiscoverInput,
): Promise<FoundClusters> {
  const connection = { name: 'vcluster', type: 'vcluster', settings }
  const session = openVclusterSession({ ...connection, folder, stateFolder: folder }, input.ports)
  try {
    const { documents, down } = await readHost(connection.name, session, input)
    const [failed] = down
    if (failed) throw failed.error
    return { documents, connections: [connection], down: [] }
  } finally {
    session.host.close()
  }
}

async function readHost(name: string, host: HostSession, { ghostFolder, signal }: DiscoverInput) {
  try {
    return { documents: await discoverClusters(name, host, ghostFolder, signal), down: [] }
  } catch (error) {
    if (!(error instanceof InfraError) || error.kind !== 'connection') throw error
    return { documents: [], down: [{ name, error }] }
  }
}
