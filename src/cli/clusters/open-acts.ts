/** Acts on virtual clusters that were cut off, settled by `infra recover`. */
import type { ActRecord } from '../../apply/act-journal.js'
import { InfraError } from '../../model/error.js'
import { type ClusterAct, clusterAct } from '../../providers/vcluster/acts/journaled.js'
import { settleAct, wayOf } from '../../providers/vcluster/acts/settle.js'
import { type Settled, type Settling, settledBy, unknownAct } from '../settling.js'
import { openClusterHosts } from './hosts.js'

/** What settling them would do, in words. Fails where there is no such way for one of them. */
export async function waysOf(
  acts: readonly ActRecord[],
  direction: 'forward' | 'back',
): Promise<readonly string[]> {
  return acts.map(act => wayOf(knownAct(act), direction))
}

/** Settles all of them at once. One that fails hides no other. */
export async function settleActs(acts: readonly ActRecord[], settling: Settling): Promise<Settled> {
  const { session, direction, ports, tell, signal } = settling
  const hosts = openClusterHosts(session, undefined, ports)
  const settle = async (record: ActRecord) => {
    const { address, connection } = record
    const act = knownAct(record)
    const host = hosts.open.get(connection)
    if (host === undefined)
      throw hosts.down.find(one => one.name === connection)?.error ?? noConnection(connection, address)
    const spec = session.state?.resources[address]?.spec
    const choice = { name: act.name, namespace: act.namespace, ...(spec && { spec }) }
    return settleAct(host, act, choice, direction, message => tell(address, message), signal)
  }
  try {
    return await settledBy(acts, settling, settle)
  } finally {
    hosts.close()
  }
}

function knownAct({ what, address }: ActRecord): ClusterAct {
  const act = clusterAct(what)
  if (act !== undefined) return act
  throw unknownAct(address)
}

function noConnection(connection: string, address: string): InfraError {
  return new InfraError({
    kind: 'configuration',
    code: 'no-host-cluster',
    address,
    message: `The stack has no connection ${connection} to a host cluster any more`,
    hint: 'Put it back under spec.providers, then run `infra recover` again.',
  })
}
