import type { Kind } from '../../kind.js'
import type { Observation } from '../../provider.js'
import { ask, type Host } from '../connection.js'
import { network as networkKind } from '../kinds/network.js'
import { storagePool } from '../kinds/storage-pool.js'
import { observeAll } from '../observe.js'
import { procedures } from '../rpc/procedures/index.js'
import { draftMachine } from './discover-machine.js'
import { draftVolumes } from './discover-volumes.js'
import { type Draft, type LeftOut, ownedBy, type Present } from './draft.js'

export interface Drafts {
  readonly drafts: readonly Draft[]
  /** What no document can describe. */
  readonly leftOut: readonly LeftOut[]
}

/** Drafts of all that is there, in the order in which stacks are read best. */
export async function draftHost(host: Host, signal: AbortSignal): Promise<Drafts> {
  const [pools, networks, domains] = await Promise.all([
    ask(host, procedures.connect.listPools, { needResults: 1, flags: 0 }, signal),
    ask(host, procedures.connect.listNetworks, { needResults: 1, flags: 0 }, signal),
    ask(host, procedures.connect.listDomains, { needResults: 1, flags: 0 }, signal),
  ])
  const seen = await observeAll(
    host,
    [
      ...pools.map(one => ({ ...aim('StoragePool', one.name), identity: { uuid: one.uuid } })),
      ...networks.map(one => ({ ...aim('Network', one.name), identity: { uuid: one.uuid } })),
      ...domains.map(one => ({ ...aim('VirtualMachine', one.name), identity: { uuid: one.uuid } })),
    ],
    signal,
  )
  const machines = await Promise.all(domains.map(domain => draftMachine(host, domain, seen, signal)))
  const drafts = machines.flatMap(one => ('why' in one ? [] : [one]))
  const volumes = await draftVolumes(host, pools, drafts, signal)
  return {
    drafts: [
      ...pools.flatMap(one => plain(storagePool, one.name, seen)),
      ...networks.flatMap(one => plain(networkKind, one.name, seen)),
      ...volumes,
      ...drafts,
    ].sort((a, b) => (a.kind === b.kind ? (a.name < b.name ? -1 : 1) : 0)),
    leftOut: machines.flatMap(one => ('why' in one ? [one] : [])),
  }
}

function aim(kind: string, name: string) {
  return { address: `${kind}/${name}`, kind, name, spec: {} }
}

function presentOf(seen: ReadonlyMap<string, Observation>, kind: string, name: string): Present | undefined {
  const found = seen.get(`${kind}/${name}`)
  return found?.status === 'present' ? found : undefined
}

function plain(kind: Kind, name: string, seen: ReadonlyMap<string, Observation>): Draft[] {
  const found = presentOf(seen, kind.kind, name)
  if (found === undefined) return []
  return [
    {
      kind,
      name,
      labels: {},
      spec: found.spec,
      remarks: found.remark === undefined ? [] : [found.remark],
      ...ownedBy(found),
    },
  ]
}
