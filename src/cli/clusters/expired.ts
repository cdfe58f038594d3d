/** What `infra reap` may delete of what has expired, and why it leaves the rest. */
import type { Address } from '../../model/address.js'
import { type Expired, expiredClusters } from '../../providers/vcluster/acts/reap.js'
import type { Session } from '../../session/session.js'
import type { ResourceRecord } from '../../state/document.js'
import { type ClusterHosts, type DownHost, unreadHosts } from './hosts.js'

export interface Reaped extends Expired {
  /** Why it stays; absent where it is to be deleted. */
  readonly kept?: string
}

export interface Look {
  readonly clusters: readonly Reaped[]
  /** What a plan is to delete: expired clusters and, where that was asked for, what needs them. */
  readonly due: ReadonlySet<Address>
  readonly down: readonly DownHost[]
}

/** Reads all hosts at once, and tells what is due. Changes nothing. */
export async function lookForExpired(
  session: Session,
  hosts: ClusterHosts,
  options: { readonly dependents: boolean },
  signal: AbortSignal,
): Promise<Look> {
  const lineage = session.state?.lineage ?? ''
  const { expired, others, unread } = await expiredClusters(hosts.open, lineage, signal)
  const records = session.state?.resources ?? {}
  const ours: { readonly cluster: Expired; readonly record: ResourceRecord }[] = []
  const clusters: Reaped[] = others.map(one => ({ ...one, kept: 'it is not of this stack' }))
  for (const cluster of expired) {
    const record = records[cluster.address ?? '']
    if (record === undefined || !isSame(record, cluster))
      clusters.push({ ...cluster, kept: 'the state does not hold it' })
    else ours.push({ cluster, record })
  }
  const { due, kept } = decideDue(
    ours.map(one => one.record.address),
    records,
    address => protectionOf(session, address),
    options.dependents,
  )
  for (const { cluster, record } of ours) {
    const why = kept.get(record.address)
    clusters.push({ ...cluster, ...(why !== undefined && { kept: why }) })
  }
  clusters.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return { clusters, due, down: [...hosts.down, ...unreadHosts(unread)] }
}

/**
 * Which of the expired addresses are due. A protected one stays, and so does one that something needs which is not due itself:
 * a timer deletes nothing that has no time to live, unless `dependents` says so.
 */
export function decideDue(
  expired: readonly Address[],
  records: Readonly<Record<Address, Pick<ResourceRecord, 'dependencies'>>>,
  protection: (address: Address) => string | undefined,
  dependents: boolean,
): { readonly due: ReadonlySet<Address>; readonly kept: ReadonlyMap<Address, string> } {
  const needing = dependentsOf(records)
  const wanted = new Set(expired)
  const due = new Set<Address>()
  const kept = new Map<Address, string>()
  for (const address of expired) {
    const all = closure(address, needing)
    const guarded = [...all].find(one => protection(one) !== undefined)
    const stranger = [...all].find(one => !wanted.has(one))
    if (guarded !== undefined)
      kept.set(
        address,
        guarded === address ? `${protection(guarded)}` : `${guarded} needs it: ${protection(guarded)}`,
      )
    else if (stranger !== undefined && !dependents) kept.set(address, `${stranger} needs it`)
    else for (const one of all) due.add(one)
  }
  return { due, kept }
}

/** The address and all that needs it, directly or not. */
function closure(address: Address, needing: ReadonlyMap<Address, readonly Address[]>): ReadonlySet<Address> {
  const all = new Set([address])
  for (const one of all) for (const next of needing.get(one) ?? []) all.add(next)
  return all
}

function dependentsOf(
  records: Readonly<Record<Address, Pick<ResourceRecord, 'dependencies'>>>,
): ReadonlyMap<Address, readonly Address[]> {
  const needing = new Map<Address, Address[]>()
  for (const [address, { dependencies }] of Object.entries(records))
    for (const dependency of dependencies) {
      const list = needing.get(dependency)
      if (list) list.push(address)
      else needing.set(dependency, [address])
    }
  return needing
}

/** Why it must not be deleted, as its document says, or as was recorded. */
function protectionOf(session: Session, address: Address): string | undefined {
  const both = [session.stack.resources.get(address)?.lifecycle, session.state?.resources[address]?.lifecycle]
  if (both.some(one => one?.preventDestroy)) return 'it is protected (lifecycle.preventDestroy)'
  if (both.some(one => one?.retainOnDelete)) return 'it is never deleted (lifecycle.retainOnDelete)'
  return undefined
}

/** Whether the record is that of this very object. */
function isSame(record: ResourceRecord, cluster: Expired): boolean {
  return (
    record.kind === 'VirtualCluster' &&
    record.connection === cluster.connection &&
    record.name === cluster.name &&
    record.spec.namespace === cluster.namespace
  )
}

function keyOf({ connection, namespace, name }: Expired): string {
  return `${connection}/${namespace}/${name}`
}
