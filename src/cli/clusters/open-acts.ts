/** Acts on virtual clusters that were cut off, settled by `infra recover`. */
import type { ActRecord } from '../../apply/act-journal.js'
import { InfraError, InfraErrors } from '../../model/error.js'
import type { Ports } from '../../model/ports.js'
import { type ClusterAct, clusterAct } from '../../providers/vcluster/acts/journaled.js'
import { settleAct, wayOf } from '../../providers/vcluster/acts/settle.js'
import type { Session } from '../../session/session.js'
import { errorsOf, type SettledAct, unknownAct } from '../open-acts.js'
import { openClusterHosts } from './hosts.js'

/** What settling them would do, in words. Fails where there is no such way for one of them. */
export function waysOf(acts: readonly ActRecord[], direction: 'forward' | 'back'): readonly string[] {
  return acts.map(act => wayOf(knownAct(act), direction))
}

/** Settles all of them at once. One that fails hides no other. */
export async function settleActs(
  session: Session,
  acts: readonly ActRecord[],
  direction: 'forward' | 'back',
  ports: Ports,
  tell: (address: string, message: string) => void,
  signal: AbortSignal,
): Promise<readonly SettledAct[]> {
  const hosts = openClusterHosts(session, undefined, ports)
  try {
    const settled = await Promise.allSettled(
      acts.map(async record => {
        const { address, connection } = record
        const act = knownAct(record)
        const host = hosts.open.get(connection)
        if (host === undefined)
          throw hosts.down.find(one => one.name === connection)?.error ?? noConnection(connection, address)
        const spec = session.state?.resources[address]?.spec
        const choice = { name: act.name, namespace: act.namespace, ...(spec && { spec }) }
        const progress = (message: string) => tell(address, message)
        const text = await settleAct(host, act, choice, direction, progress, signal)
        return { address, verb: act.verb, text }
      }),
    )
    const failures = settled.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []))
    const other = failures.find(error => errorsOf(error).length === 0)
    if (other !== undefined) throw other
    if (failures.length > 0) throw new InfraErrors(failures.flatMap(errorsOf))
    return settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
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
