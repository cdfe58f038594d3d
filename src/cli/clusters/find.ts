/** The virtual cluster that a command names: one of the stack's, or any that a host has. */
import { InfraError, InfraErrors } from '../../model/error.js'
import type { Attributes } from '../../model/value.js'
import type { ClusterChoice } from '../../providers/vcluster/acts/connect.js'
import { listClusters } from '../../providers/vcluster/acts/list.js'
import type { Session as HostSession } from '../../providers/vcluster/session.js'
import type { Session } from '../../session/session.js'
import type { ResourceRecord } from '../../state/document.js'
import { type ClusterHosts, unreadHosts } from './hosts.js'

export interface NamedCluster {
  readonly connection: string
  readonly host: HostSession
  readonly choice: ClusterChoice
  /** Its record, where the stack's state holds it. */
  readonly record?: ResourceRecord
}

/** Fails where a command that takes names of clusters was given none. */
export function requireNames(names: readonly string[]): void {
  if (names.length > 0) return
  throw new InfraError({
    kind: 'configuration',
    code: 'no-cluster',
    message: 'No virtual cluster was named',
    hint: '`infra cluster list` lists those that are there.',
  })
}

/** One that the stack declares or records. What is recorded is what is there, and counts first. */
interface Known {
  readonly address: string
  readonly connection: string
  readonly name: string
  readonly spec: Attributes
  readonly record?: ResourceRecord
}

/**
 * Finds it by its name, `CONNECTION/NAME` or address. Fails where several fit, or its host is down; that it is not there may
 * also come to light in the act itself.
 */
export async function findNamed(
  session: Session,
  hosts: ClusterHosts,
  name: string,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<NamedCluster> {
  const known = knownOf(session).filter(
    one =>
      isNamed(one, name, namespace) &&
      (hosts.open.has(one.connection) || hosts.down.some(down => down.name === one.connection)),
  )
  const [only, other] = known
  if (other !== undefined) {
    throw ambiguous(
      name,
      known.map(one => one.address),
    )
  }
  if (only !== undefined) {
    const { connection, spec, record } = only
    const place = namespace ?? (typeof spec.namespace === 'string' ? spec.namespace : undefined)
    const choice = { name: only.name, spec, ...(place !== undefined && { namespace: place }) }
    return { connection, host: hostOf(hosts, connection), choice, ...(record && { record }) }
  }
  return findUnknown(hosts, name, namespace, signal)
}

/** One that the stack does not know: on the host that has it. */
async function findUnknown(
  hosts: ClusterHosts,
  name: string,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<NamedCluster> {
  const [first = '', ...rest] = name.split('/')
  const places = [...hosts.open.keys(), ...hosts.down.map(one => one.name)]
  const choice = (own: string) => ({ name: own, ...(namespace !== undefined && { namespace }) })
  if (rest.length === 1 && places.includes(first))
    return { connection: first, host: hostOf(hosts, first), choice: choice(rest[0] ?? '') }
  const [sole, second] = places
  if (sole !== undefined && second === undefined)
    return { connection: sole, host: hostOf(hosts, sole), choice: choice(name) }
  const listed = await listClusters(hosts.open, signal)
  const found = listed.flatMap(({ connection, clusters }) =>
    clusters
      .filter(one => one.name === name && (namespace === undefined || one.namespace === namespace))
      .map(one => ({ connection, namespace: one.namespace })),
  )
  const [one, more] = found
  if (more !== undefined)
    throw ambiguous(
      name,
      found.map(each => `${each.connection}: ${each.namespace}/${name}`),
    )
  if (one !== undefined)
    return {
      connection: one.connection,
      host: hostOf(hosts, one.connection),
      choice: { name, namespace: one.namespace },
    }
  const missing = new InfraError({
    kind: 'configuration',
    code: 'no-such-cluster',
    message: `There is no virtual cluster ${name}`,
    hint: '`infra cluster list` lists those that are there.',
  })
  // One that was not found may be on a host that is down.
  throw new InfraErrors([missing, ...[...hosts.down, ...unreadHosts(listed)].map(host => host.error)])
}

/** The record of a cluster that is to be changed. Fails with `not-managed` for one that is not this stack's. */
export function recordOf({ record, choice }: Pick<NamedCluster, 'record' | 'choice'>): ResourceRecord {
  if (record !== undefined) return record
  throw new InfraError({
    kind: 'validation',
    code: 'not-managed',
    message: `The virtual cluster ${choice.name} is not recorded in this stack, which changes only its own`,
    hint: '`infra import` takes one over that exists; `infra apply` makes one that is declared.',
  })
}

/** The record that a name means, among those of the chosen connections. Asks no host. Fails as `findNamed` and `recordOf` do. */
export function findRecord(
  session: Session,
  name: string,
  {
    host,
    namespace,
  }: { readonly host?: readonly string[] | undefined; readonly namespace?: string | undefined },
): ResourceRecord {
  const known = knownOf(session).filter(
    one => isNamed(one, name, namespace) && (host === undefined || host.includes(one.connection)),
  )
  if (known.length > 1)
    throw ambiguous(
      name,
      known.map(one => one.address),
    )
  return recordOf({ choice: { name }, ...(known[0]?.record && { record: known[0].record }) })
}

function isNamed(one: Known, name: string, namespace: string | undefined): boolean {
  return (
    (one.address === name || one.name === name || `${one.connection}/${one.name}` === name) &&
    (namespace === undefined || one.spec.namespace === undefined || one.spec.namespace === namespace)
  )
}

function knownOf(session: Session): readonly Known[] {
  const all = new Map<string, Known>()
  for (const [address, one] of session.stack.resources)
    if (one.kind === 'VirtualCluster')
      all.set(address, { address, connection: one.connection, name: one.name, spec: one.spec })
  for (const record of Object.values(session.state?.resources ?? {}))
    if (record.kind === 'VirtualCluster') {
      const { address, connection, name, spec } = record
      all.set(address, { address, connection, name, spec, record })
    }
  return [...all.values()]
}

function hostOf(hosts: ClusterHosts, connection: string): HostSession {
  const host = hosts.open.get(connection)
  if (host !== undefined) return host
  throw hosts.down.find(one => one.name === connection)?.error ?? new Error(`no connection ${connection}`)
}

function ambiguous(name: string, places: readonly string[]): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'which-cluster',
    message: `${name} is more than one virtual cluster: ${places.join(', ')}`,
    hint: 'Say CONNECTION/NAME, its address in the stack, or --namespace.',
  })
}
