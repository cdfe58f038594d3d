/** The host clusters of a stack, for commands: each connection opened as the provider opens its own. One that is wrong hides no other. */
import { InfraError } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import type { ListedHost } from '../../providers/vcluster/acts/list.js'
import { openVclusterSession } from '../../providers/vcluster/index.js'
import type { Session as HostSession } from '../../providers/vcluster/session.js'
import type { Session } from '../../session/session.js'

export interface DownHost {
  readonly name: string
  readonly error: InfraError
}

export interface ClusterHosts {
  /** By the names of their connections. Nothing was asked of them yet. */
  readonly open: ReadonlyMap<string, HostSession>
  /** Connections whose settings or kubeconfig are of no use, with why. */
  readonly down: readonly DownHost[]
  close(): void
}

/** The stack's connections to host clusters, or those of them that are named. Fails with `no-host-cluster` where there is none. */
export function openClusterHosts(
  session: Session,
  names: readonly string[] | undefined,
  ports: Ports,
): ClusterHosts {
  const open = new Map<string, HostSession>()
  const down: DownHost[] = []
  for (const connection of chosen(session, names)) {
    try {
      open.set(connection.name, openVclusterSession(connection, ports))
    } catch (error) {
      down.push({ name: connection.name, error: asError(connection.name, error) })
    }
  }
  return {
    open,
    down,
    close: () => {
      for (const one of open.values()) one.host.close()
    },
  }
}

/** Hosts that a list could not read, as errors. */
export function unreadHosts(
  listed: readonly Pick<ListedHost, 'connection' | 'error'>[],
): readonly DownHost[] {
  return listed.flatMap(({ connection, error }) =>
    error === undefined
      ? []
      : [
          {
            name: connection,
            error: new InfraError({
              kind: 'connection',
              code: 'host-cluster-unread',
              message: `The host cluster of the connection ${connection} could not be read`,
              why: error,
            }),
          },
        ],
  )
}

/** Hosts that are down, as data. */
export function unreachable(down: readonly DownHost[]) {
  return down.map(({ name, error }) => ({ connection: name, error: error.details() }))
}

function chosen(session: Session, names: readonly string[] | undefined) {
  const { connections, folder } = session.stack
  const ours = connections.filter(one => one.type === 'vcluster')
  if (ours.length === 0) {
    throw new InfraError({
      kind: 'configuration',
      code: 'no-host-cluster',
      message: `The stack ${session.stack.name} has no connection to a host cluster`,
      hint: 'Add one under spec.providers: vcluster: {kubeconfig: ~/.kube/config}.',
    })
  }
  for (const name of names ?? []) {
    if (ours.some(one => one.name === name)) continue
    throw new InfraError({
      kind: 'configuration',
      code: 'no-host-cluster',
      message: `The stack has no connection ${name} to a host cluster`,
      why: `It has ${ours.map(one => one.name).join(', ')}`,
    })
  }
  const wanted = names === undefined ? ours : ours.filter(one => names.includes(one.name))
  return wanted.map(one => ({ ...one, folder, stateFolder: session.stateFolder }))
}

function asError(name: string, error: unknown): InfraError {
  if (error instanceof InfraError) return error
  const issues = (error as { issues?: readonly { path: readonly PropertyKey[]; message: string }[] }).issues
  if (issues === undefined) throw error
  return new InfraError({
    kind: 'validation',
    code: 'bad-settings',
    message: `the settings of the connection ${name} are not those of vcluster`,
    why: issues.map(issue => `${[name, ...issue.path].join('.')}: ${issue.message}`).join('; '),
  })
}
